// `slicemill logs`.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cli/commands.h"
#include "cli/commands/client_commands.h"

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
  for (int quiet = 0; quiet < kQuietLooks;) {
    ASSIGN_OR_RETURN(const Json document, execution.master.get(execution.path()));
    ASSIGN_OR_RETURN(const HttpAnswer answer, execution.master.text(base + "&from=" + url_encoded(position)));
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
  return code_of(print_log(line));
}

}  // namespace slicemill::cli
