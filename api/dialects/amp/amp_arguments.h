// Arguments of the Amp dialect: from a request's path and query to what a command takes. Pure functions, any thread.
// Bounds and error codes are what existing clients match on (docs/amp.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/message.h"
#include "core/model/job_views.h"
#include "core/runtime/result.h"

namespace slicemill::api::amp {

// The statuses of this dialect, in the order of a job's life.
enum class Status { scheduled, running, stop_requested, stopping, stopped, completed, error, fatal };
inline constexpr std::size_t kStatusCount = 8;

std::string_view to_string(Status status);  // SCHEDULED, ...

// What a client is told of a job. One without an execution is stopped: a resume starts it.
Status status_of(const JobView& job);
bool is_terminal(Status status);

// Why a request was not even handed on: a client matches on the code.
struct Refusal {
  int status = 400;
  std::string_view code;
  std::string message;

  Refusal() = default;
  Refusal(int number, std::string_view name, std::string text) : status(number), code(name), message(std::move(text)) {}
};
template <typename T>
using Argument = boost::system::result<T, Refusal>;

// A positive number of 64 bits.
Argument<std::int64_t> job_number(std::string_view text);

struct ListRequest {
  std::int64_t limit = 50;
  std::optional<std::int64_t> last_job_id;
  std::optional<std::vector<Status>> statuses;  // nothing: all
};
Argument<ListRequest> list_request(const Request& request);

// Which ended jobs a bulk deletion means.
Argument<std::vector<ExecutionStatus>> deletion_request(const Request& request);

// The statuses of executions that may be shown as one of these.
std::vector<ExecutionStatus> executions_shown_as(const std::vector<Status>& statuses);

}  // namespace slicemill::api::amp
