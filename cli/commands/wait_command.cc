// `slicemill wait`, and the waiting of `submit --wait` and the like.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/client/plain_words.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/default_dialect.h"
#include "cli/run_progress.h"
#include "cli/shell_words.h"
#include "core/model/execution.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

using WaitClock = std::chrono::steady_clock;

// A quick execution is seen at once, a long one asked for seldom. REST has no call that waits.
constexpr std::chrono::milliseconds kFirstPause{20};
constexpr std::chrono::milliseconds kLongestPause{500};

volatile std::sig_atomic_t interrupted = 0;

// The document, over a while without a master.
class Watched {
 public:
  explicit Watched(const NamedExecution& execution) : execution_(execution) {}

  // Nothing: not known at present.
  Result<std::optional<Json>> look() {
    auto document = execution_.master.get(execution_.path());
    if (document) {
      seen_ = true;
      loss_.answered();
      return std::optional(std::move(*document));
    }
    if (!seen_ || !loss_.may_pass(document.error())) return document.error();
    return std::optional<Json>();
  }

 private:
  const NamedExecution& execution_;
  bool seen_ = false;
  MasterLoss loss_;
};

std::string ending_text(const Json& document) {
  const SliceCounters slices = figures_in(document).slices;
  std::string text =
      fmt::format("execution {} {}: {}, {} failed, {} in, {} out", text_of(document, "ex_id"),
                  text_of(document, member::kStatus), counted(slices.processed, "slice"), grouped(slices.failed),
                  counted(slices.records_in, "record"), counted(slices.records_out, "record"));
  if (slices.quarantined > 0) text += fmt::format(", {} quarantined", grouped(slices.quarantined));
  return text;
}

ExitCode tell_end(const Json& document, const CommandLine& line) {
  if (is_data_format(line.client.output))
    print_document(line.client.output, document);
  else
    fmt::print("{}\n", printable(ending_text(document)));
  std::fflush(stdout);
  const ExitCode code = outcome_of(document, line.fail_on_quarantine);
  const std::string ex_id = text_of(document, "ex_id");
  if (code == ExitCode::quarantined) {
    return report(
        {ErrorCode::invalid, fmt::format("execution {} has quarantined records; see `slicemill quarantine {}{}`", ex_id,
                                         ex_id, place_words(line))},
        code);
  }
  if (code != ExitCode::ok) {
    const std::string reason = plain_cause(text_of(document, member::kFailure));
    return report({ErrorCode::internal, fmt::format("execution {} {}{}; see `slicemill explain {}{}`", ex_id,
                                                    text_of(document, member::kStatus),
                                                    reason.empty() ? "" : ": " + reason, ex_id, place_words(line))},
                  code);
  }
  return code;
}

}  // namespace

bool has_ended(const Json& document) {
  const auto status = parse_execution_status(text_of(document, member::kStatus));
  return status && is_terminal(*status);
}

ExitCode outcome_of(const Json& document, bool fail_on_quarantine) {
  const std::string status = text_of(document, member::kStatus);
  // A persistent execution has no end of its own: it is told to stop.
  const bool as_wanted =
      status == "completed" || (status == "stopped" && text_of(document, "lifecycle") == "persistent");
  if (!as_wanted) return ExitCode::failed;
  const bool quarantined = number_of(object_of(document, member::kStats), "quarantined") > 0;
  return fail_on_quarantine && quarantined ? ExitCode::quarantined : ExitCode::ok;
}

Result<ExitCode> await_end(const NamedExecution& execution, const CommandLine& line) {
  const auto began = WaitClock::now();
  const auto& timeout = line.client.timeout_ms;
  const bool is_bar = isatty(STDERR_FILENO) != 0 && progress_form(ProgressForm::automatic, false) == ProgressForm::bar;
  RunProgress progress(is_bar ? ProgressForm::bar : ProgressForm::none);
  Watched watched(execution);
  auto pause = kFirstPause;
  std::string status = "not known";
  std::signal(SIGINT, [](int) { interrupted = 1; });
  while (true) {
    if (interrupted != 0) {
      progress.end();
      return report(
          {ErrorCode::cancelled, fmt::format("interrupted; execution {0} goes on: `slicemill wait {0}{1}` waits "
                                             "for it again, `slicemill stop {0}{1}` ends it",
                                             execution.ex_id, place_words(line))});
    }
    ASSIGN_OR_RETURN(auto document, watched.look());
    if (document) {
      status = text_of(*document, member::kStatus);
      if (has_ended(*document)) {
        progress.end();
        return tell_end(*document, line);
      }
      std::vector<Json> shown = {std::move(*document)};
      if (is_bar && add_live_figures(execution.master, shown)) progress.show(status, figures_in(shown.front()));
    }
    std::chrono::milliseconds left = kLongestPause;
    if (timeout) {
      const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(WaitClock::now() - began);
      left = std::chrono::milliseconds(*timeout) - waited;
      if (left.count() <= 0) {
        progress.end();
        return report({ErrorCode::timeout, fmt::format("execution {} is still {} after {}", execution.ex_id, status,
                                                       duration_text(*timeout))},
                      ExitCode::timed_out);
      }
    }
    std::this_thread::sleep_for(std::min(pause, left));
    pause = std::min(pause * 2, kLongestPause);
  }
}

ExitCode wait_for_execution(const CommandLine& line) {
  const auto execution = named_execution(line);
  if (!execution) return report(execution.error());
  return code_of(await_end(*execution, line));
}

}  // namespace slicemill::cli
