#include "api/dialects/amp/amp_arguments.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill::api::amp {
namespace {

constexpr std::int64_t kMostJobs = 1000;  // of a page

constexpr std::array<std::string_view, kStatusCount> kNames = {"SCHEDULED", "RUNNING",   "STOP_REQUESTED", "STOPPING",
                                                               "STOPPED",   "COMPLETED", "ERROR",          "FATAL"};

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Refusal bad_parameter(std::string why) {
  return {400, "INVALID_QUERY_PARAMETERS", "invalid query parameters: " + std::move(why)};
}

std::optional<Status> status_named(std::string_view name) {
  for (std::size_t i = 0; i < kStatusCount; ++i)
    if (lower(kNames[i]) == name) return static_cast<Status>(i);
  return std::nullopt;
}

// A name that is none matches nothing, as clients of the original expect.
std::optional<std::vector<Status>> statuses_in(const std::string& text) {
  const std::string words = lower(text);
  if (words == "all") return std::nullopt;
  if (words == "active")
    return std::vector{Status::scheduled, Status::running, Status::stop_requested, Status::stopping};
  std::vector<Status> found;
  for (const std::string& word : split(words, ','))
    if (const auto status = status_named(trimmed(word))) found.push_back(*status);
  return found;
}

}  // namespace

std::string_view to_string(Status status) {
  return kNames[static_cast<std::size_t>(status)];
}

Status status_of(const JobView& job) {
  if (!job.execution) return Status::stopped;
  switch (job.execution->status) {
    case ExecutionStatus::pending:
    case ExecutionStatus::scheduling:
    case ExecutionStatus::initializing:
      return Status::scheduled;
    case ExecutionStatus::recovering:
    case ExecutionStatus::running:
    case ExecutionStatus::failing:
    case ExecutionStatus::paused:
      return Status::running;
    case ExecutionStatus::stopping:
      return job.execution->stop_is_heard ? Status::stopping : Status::stop_requested;
    case ExecutionStatus::completed:
      return Status::completed;
    case ExecutionStatus::stopped:
    case ExecutionStatus::terminated:
      return Status::stopped;
    case ExecutionStatus::failed:  // with a ledger a recovery goes on from it
      return job.execution->has_ledger ? Status::error : Status::fatal;
    case ExecutionStatus::rejected:
      return Status::fatal;
  }
  return Status::fatal;
}

bool is_terminal(Status status) {
  return status >= Status::stopped;
}

std::vector<ExecutionStatus> executions_shown_as(const std::vector<Status>& statuses) {
  std::vector<ExecutionStatus> found;
  for (std::size_t i = 0; i < kExecutionStatusCount; ++i) {
    JobView job;
    for (const bool flag : {false, true}) {
      job.execution = ExecutionView{};
      job.execution->status = static_cast<ExecutionStatus>(i);
      job.execution->stop_is_heard = flag;
      job.execution->has_ledger = flag;
      if (std::ranges::find(statuses, status_of(job)) == statuses.end()) continue;
      found.push_back(job.execution->status);
      break;
    }
  }
  return found;
}

Argument<std::int64_t> job_number(std::string_view text) {
  const auto number = number_in(text);
  if (!number)
    return Refusal{400, "INVALID_JOB_ID", fmt::format("invalid job ID: cannot parse `{}` as a 64-bit integer", text)};
  if (*number <= 0)
    return Refusal{400, "INVALID_JOB_ID", fmt::format("invalid job ID: JobId must be positive, got: {}", *number)};
  return *number;
}

Argument<ListRequest> list_request(const Request& request) {
  ListRequest list;
  if (const auto text = request.query_value("limit")) {
    const auto limit = number_in(*text);
    if (!limit || *limit < 0) return bad_parameter(fmt::format("limit: `{}` is not a number from 1 to 1000", *text));
    if (*limit > kMostJobs)
      return Refusal{400, "LIMIT_TOO_LARGE",
                     fmt::format("limit {} exceeds maximum allowed limit of {}", *limit, kMostJobs)};
    if (*limit == 0) return Refusal{400, "LIMIT_INVALID", "limit must be greater than 0"};
    list.limit = *limit;
  }
  if (const auto text = request.query_value("last_job_id")) {
    const auto number = number_in(*text);
    if (!number || *number <= 0) return bad_parameter(fmt::format("last_job_id: `{}` is not a job ID", *text));
    list.last_job_id = *number;
  }
  list.statuses = statuses_in(request.query_value("status").value_or("active"));
  return list;
}

Argument<std::vector<ExecutionStatus>> deletion_request(const Request& request) {
  using enum ExecutionStatus;
  const auto text = request.query_value("status");
  const std::string name = lower(text.value_or(""));
  if (name == "terminal") return std::vector{completed, stopped, terminated, failed, rejected};
  if (name == "completed") return std::vector{completed};
  if (name == "stopped") return std::vector{stopped, terminated};
  if (name == "error") return std::vector{failed, rejected};
  return Refusal{400, "INVALID_QUERY_PARAM",
                 fmt::format("invalid query parameter: status {}, expected one of: terminal, completed, stopped, error",
                             text ? "`" + *text + "`" : "is missing")};
}

}  // namespace slicemill::api::amp
