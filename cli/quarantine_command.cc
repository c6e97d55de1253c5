// `slicemill quarantine`: what an execution set aside, and running it again.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/ended_ledger.h"
#include "cli/http_request.h"
#include "core/ledger/slice_record_json.h"
#include "core/runtime/json.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::int64_t kAnswerTimeoutMs = 30'000;
constexpr std::uint64_t kRecordsAtOnce = 1'000;  // from a ledger
constexpr std::uint64_t kRecordsPerAnswer = 10;  // from a master: each may have a megabyte, and an answer has a limit

void print(const Json& record) {
  fmt::print("{}\n", printable_json(to_compact_text(record)));
}

// The answer's JSON; the master's own words if it refuses.
Result<Json> answered(const CommandLine& line, const Result<HttpAnswer>& answer) {
  if (!answer) return answer.error();
  auto json = parse_json(answer->body);
  if (!json) {
    return Error(ErrorCode::unavailable,
                 fmt::format("{} is not a slicemill master: its answer is no JSON", line.master_url));
  }
  if (answer->status == 200) return json;
  const auto code = answer->status == 404   ? ErrorCode::not_found
                    : answer->status == 409 ? ErrorCode::conflict
                    : answer->status == 410 ? ErrorCode::gone
                                            : ErrorCode::unavailable;
  const auto message = json->is_object() ? json->value("message", std::string()) : std::string();
  return Error(code, fmt::format("{}: {}", line.master_url, message.empty() ? answer->body : message));
}

std::string quarantine_path(const CommandLine& line) {
  return "/v1/ex/" + line.ex_id + "/quarantine";
}

Result<void> list_from_master(const CommandLine& line) {
  ASSIGN_OR_RETURN(const HttpTarget target, parse_master_url(line.master_url));
  for (std::uint64_t from = 0;;) {
    const std::string path = fmt::format("{}?from={}&size={}", quarantine_path(line), from, kRecordsPerAnswer);
    ASSIGN_OR_RETURN(const Json records, answered(line, http_get(target, path, kAnswerTimeoutMs)));
    if (!records.is_array() || records.empty()) return {};
    for (const Json& record : records) print(record);
    from += records.size();
  }
}

Result<void> list_from_ledger(const CommandLine& line) {
  ASSIGN_OR_RETURN(const EndedLedger stored, stored_ledger(line));
  const auto& ledger = stored.view;
  std::optional<QuarantinePlace> after;
  while (true) {
    ASSIGN_OR_RETURN(const auto rows, ledger->quarantine(after, 0, kRecordsAtOnce));
    if (rows.empty()) return {};
    for (const auto& row : rows) print(quarantine_record_json(row, ledger->header().lineage));
    after = rows.back().at;
  }
}

Result<void> redrive_by_master(const CommandLine& line) {
  ASSIGN_OR_RETURN(const HttpTarget target, parse_master_url(line.master_url));
  ASSIGN_OR_RETURN(const Json submitted,
                   answered(line, http_post(target, quarantine_path(line) + "/_redrive", kAnswerTimeoutMs)));
  fmt::print("execution {} redrives the quarantined records of {}\n",
             printable(submitted.value("ex_id", std::string())), line.ex_id);
  return {};
}

}  // namespace

ExitCode list_or_redrive(const CommandLine& line) {
  if (line.redrive && line.master_url.empty()) return run_local(line);
  const auto done = line.redrive              ? redrive_by_master(line)
                    : line.master_url.empty() ? list_from_ledger(line)
                                              : list_from_master(line);
  return done ? ExitCode::ok : report(done.error());
}

}  // namespace slicemill::cli
