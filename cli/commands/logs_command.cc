// `slicemill logs`.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cli/client/stored_executions.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/default_dialect.h"
#include "core/model/commands.h"
#include "core/runtime/files.h"
#include "master/processes/process_log.h"

namespace slicemill::cli {
namespace {

constexpr std::chrono::milliseconds kLogPause{300};
constexpr const char* kPositionHeader = "x-log-position";
constexpr const char* kGapHeader = "x-log-gap";

std::string header_of(const HttpAnswer& answer, const char* name) {
  const auto found = answer.headers.find(name);
  return found == answer.headers.end() ? std::string() : found->second;
}

Result<void> print_text(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) return Error(ErrorCode::io, "cannot write the log to standard output");
  return {};
}

Result<void> follow(const NamedExecution& execution, const std::string& base, std::string position) {
  // A process says a few last words after its execution has ended.
  constexpr int kQuietLooks = 3;
  MasterLoss loss;
  for (int quiet = 0; quiet < kQuietLooks;) {
    const auto asked = execution.master.get(execution.path());
    const auto told = asked ? execution.master.text(base + "&from=" + url_encoded(position)) : asked.error();
    if (!told) {
      if (!loss.may_pass(told.error())) return told.error();
      std::this_thread::sleep_for(kLogPause);
      continue;
    }
    loss.answered();
    const Json& document = *asked;
    const HttpAnswer& answer = *told;
    if (!header_of(answer, kGapHeader).empty()) note("lines are missing here: the log was rotated away");
    RETURN_IF_ERROR(print_text(answer.body));
    const std::string next = header_of(answer, kPositionHeader);
    if (next.empty()) return Error(ErrorCode::unsupported, "this master cannot tell where its log ends");
    const bool is_quiet = answer.body.empty() && next == position;
    quiet = is_quiet && has_ended(document) ? quiet + 1 : 0;
    if (is_quiet) std::this_thread::sleep_for(kLogPause);
    position = next;
  }
  return {};
}

Result<void> print_part(const Result<LogPart>& part) {
  if (!part) return part.error();
  if (part->gap) note("lines are missing here: the log was rotated away");
  return print_text(part->text);
}

// Of an execution without a master: until no process has its ledger.
Result<void> follow_stored(const StoredName& stored, LogQuery query, std::string position) {
  while (true) {
    const bool at_work = text_of(stored_execution(stored.layout, stored.ex_id), member::kStatus) == "running";
    query.from = position;
    const auto part = master::read_process_log(posix_files(), stored.layout.log_directory(stored.ex_id), query);
    RETURN_IF_ERROR(print_part(part));
    const bool is_quiet = part->position == position;
    if (is_quiet && !at_work) return {};
    if (is_quiet) std::this_thread::sleep_for(kLogPause);
    position = part->position;
  }
}

Result<void> print_stored_log(const CommandLine& line) {
  ASSIGN_OR_RETURN(const StoredName stored, stored_name(line));
  const std::string directory = stored.layout.log_directory(stored.ex_id);
  const ClientOptions& options = line.client;
  const bool of_run = posix_files().stat(directory + "/run.log").has_value();
  if (of_run && options.worker != 0) {
    return Error(ErrorCode::not_found,
                 "logs: an execution of `slicemill run` has one log, of all its workers; leave --worker out");
  }
  LogQuery query;
  query.process = options.worker != 0 ? fmt::format("worker-{}", options.worker) : of_run ? "run" : "controller";
  query.lines = options.lines;
  const auto part = master::read_process_log(posix_files(), directory, query);
  RETURN_IF_ERROR(print_part(part));
  return options.follow ? follow_stored(stored, query, part->position) : Result<void>();
}

Result<void> print_log(const CommandLine& line) {
  ASSIGN_OR_RETURN(const NamedExecution execution, named_execution(line));
  const ClientOptions& options = line.client;
  const std::string base = execution.path(options.worker == 0 ? "/logs?process=controller"
                                                              : fmt::format("/logs?process=worker-{}", options.worker));
  ASSIGN_OR_RETURN(const HttpAnswer answer, execution.master.text(fmt::format("{}&lines={}", base, options.lines)));
  RETURN_IF_ERROR(print_text(answer.body));
  return options.follow ? follow(execution, base, header_of(answer, kPositionHeader)) : Result<void>();
}

}  // namespace

ExitCode print_logs(const CommandLine& line) {
  return code_of(asks_data_directory(line) ? print_stored_log(line) : print_log(line));
}

}  // namespace slicemill::cli
