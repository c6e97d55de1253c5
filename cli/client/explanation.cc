#include "cli/client/explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/client/documents.h"
#include "cli/client/plain_words.h"
#include "cli/client/stored_executions.h"
#include "cli/default_dialect.h"
#include "cli/run_progress.h"
#include "core/model/execution.h"

namespace slicemill::cli {
namespace {

std::string counted(std::int64_t number, const char* one, const char* many) {
  return fmt::format("{} {}", grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(0, number))),
                     number == 1 ? one : many);
}

std::string as_sentence(std::string text) {
  while (!text.empty() && (text.back() == '.' || text.back() == ' ' || text.back() == '\n')) text.pop_back();
  return text + ".";
}

// What the history says of a change of which nobody said more.
bool is_usual(const std::string& event, const std::string& reason) {
  if (event == "created") return true;
  for (std::size_t i = 0; i < kExecutionEventCount; ++i) {
    const auto known = static_cast<ExecutionEvent>(i);
    if (to_string(known) == event && usual_reason(known) == reason) return true;
  }
  return false;
}

class Explainer {
 public:
  explicit Explainer(const Evidence& evidence)
      : evidence_(evidence),
        ex_(evidence.execution),
        stats_(object_of(evidence.execution, member::kStats)),
        id_(text_of(evidence.execution, "ex_id")),
        status_(text_of(evidence.execution, member::kStatus)) {}

  std::vector<std::string> explain() {
    add_status();
    if (status_ == "pending")
      add_pending();
    else if (status_ == "scheduling")
      say("Its controller is being started");
    else if (status_ == "initializing")
      say("Its controller runs and prepares the slicer; no slice has been cut yet");
    else if (evidence_.is_stored && (status_ == "running" || status_ == kInterrupted || status_ == kUnreadable))
      add_stored();
    else if (status_ == "paused")
      say(fmt::format("It was paused: slices in flight finish, no new ones begin. Let it go on with {}",
                      advice("resume")));
    else if (status_ == "stopping")
      say(fmt::format("It was told to stop and waits for {} in flight",
                      counted(number("in_flight"), "slice", "slices")));
    else if (const auto parsed = parse_execution_status(status_); parsed && is_terminal(*parsed))
      add_end();
    else
      add_running();
    add_errors();
    add_quarantine();
    add_restarts();
    add_next_step();
    return std::move(sentences_);
  }

 private:
  // A further command on this execution, as a user types it.
  std::string advice(std::string_view command, std::string_view rest = {}) const {
    return fmt::format("`slicemill {} {}{}{}`", command, id_, rest, evidence_.place);
  }
  std::string go_on() const {
    return evidence_.is_stored ? fmt::format("`slicemill run --resume {}{}`", id_, evidence_.place) : advice("recover");
  }
  void say(std::string text) { sentences_.push_back(as_sentence(std::move(text))); }
  std::int64_t number(const char* member) const { return number_of(stats_, member); }
  std::string grouped_number(const char* member) const {
    return grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(member))));
  }
  std::int64_t connected() const { return number("workers_active") + number(member::kIdleWorkers); }

  void add_status() {
    std::optional<std::string> time;  // since the last change
    if (!evidence_.history.empty()) {
      if (const auto changed = time_of(evidence_.history.back(), "time"))
        time = duration_text(evidence_.now - *changed);
    }
    std::string state = "is " + status_;
    if (time) {
      const auto status = parse_execution_status(status_);
      const bool acted_itself = status_ == "completed" || status_ == "failed";
      state = status && is_terminal(*status) ? fmt::format("{}{} {} ago", acted_itself ? "" : "was ", status_, *time)
                                             : fmt::format("has been {} for {}", status_, *time);
    }
    const std::string name = text_of(ex_, "name");  // a ledger that is in use does not tell
    std::string text =
        fmt::format("Execution {}{} {}", id_, name.empty() ? "" : fmt::format(" of job '{}'", name), state);
    if (const auto created = time_of(ex_, member::kCreated))
      text += fmt::format("; it was submitted {} ago", duration_text(evidence_.now - *created));
    say(text);
    if (const std::string recovered = text_of(ex_, "recovered_execution"); !recovered.empty())
      say(fmt::format("It recovers execution {}", recovered));
    if (const std::string reason = plain_cause(text_of(ex_, member::kStatusReason)); !reason.empty())
      say("The master says: " + reason);
  }

  void add_stored() {
    if (status_ == "running") {
      say("A process is at work on it, and shows more than its ledger can tell now: see " + advice("logs", " -f"));
    } else if (status_ == kUnreadable) {
      say("Its ledger cannot be read: " + text_of(ex_, member::kFailure));
    } else {
      say(
          fmt::format("It was interrupted before it had an end (Ctrl-C, a kill, a machine that went down): {} done, "
                      "{} failed; {} goes on with the rest",
                      counted(number("processed"), "slice was", "slices were"), number("failed"), go_on()));
    }
  }

  void add_pending() {
    std::int64_t total = 0, available = 0;
    if (evidence_.cluster.is_object()) {
      for (const Json& node : evidence_.cluster) {
        total += number_of(node, "total");
        available += number_of(node, "available");
      }
    }
    if (total > 0 && available == 0) {
      say(
          fmt::format("It waits for a free worker slot: all {1} are taken. Another execution must end, or lose workers "
                      "(`slicemill top{0}`, `slicemill workers EX remove N{0}`)",
                      evidence_.place, total));
    } else if (total > 0) {
      say(fmt::format("It waits to be started; {} of {} worker slots are free", available, total));
    } else {
      say("It waits to be started");
    }
  }

  void add_running() {
    if (stats_.empty()) return say("Its controller has not reported figures yet");
    if (status_ == "recovering")
      say("It runs the open slices of the execution that it recovers again, before new ones");
    say(fmt::format("{} are done, {} failed, {} in flight, {} wait", counted(number("processed"), "slice", "slices"),
                    number("failed"), number("in_flight"), number("queued")));
    add_progress();
    add_workers();
    add_bottleneck();
    if (const auto obstacle = stats_.find("obstacle"); obstacle != stats_.end()) {
      const std::string text = obstacle->is_string() ? obstacle->get<std::string>() : text_of(*obstacle, "message");
      say("It is held up: " + (text.empty() ? to_compact_text(*obstacle) : text));
    }
    if (number("retries") > 0)
      say(fmt::format("{} repeated after a failure or the loss of a worker",
                      number("retries") == 1 ? "1 try was" : fmt::format("{} tries were", number("retries"))));
    add_slowest_operation();
  }

  void add_progress() {
    const Progress progress = progress_in(ex_);
    std::string text;
    if (progress.percent) text = fmt::format("{:.1f} % is done", *progress.percent);
    if (progress.records_per_second)
      text += fmt::format("{}{} records a second were read of late", text.empty() ? "" : "; ",
                          grouped(static_cast<std::uint64_t>(std::max(0.0, *progress.records_per_second))));
    if (const std::string left = remaining_text(progress); !left.empty())
      text += fmt::format("; what is left will take {}", left);
    if (!text.empty()) say(text);
  }

  void add_workers() {
    const std::int64_t wanted = number_of(ex_, "workers");
    if (connected() == 0)
      say(fmt::format("No worker is connected, {} wanted: nothing runs until one is there",
                      wanted == 1 ? "1 is" : fmt::format("{} are", wanted)));
    else if (connected() < wanted)
      say(fmt::format("Only {} of {} workers are connected", connected(), wanted));
  }

  void add_bottleneck() {
    const bool all_cut = !text_of(stats_, "queuing_complete").empty();
    if (connected() == 0 || status_ == "recovering") return;
    if (number(member::kIdleWorkers) == 0 && number("queued") > 0) {
      say(fmt::format("{} busy while slices wait: more workers make it faster, if the machine has room ({})",
                      connected() == 1 ? "Its only worker is" : fmt::format("All {} workers are", connected()),
                      advice("workers", " add N")));
    } else if (number(member::kIdleWorkers) > 0 && number("queued") == 0 && !all_cut) {
      say(fmt::format("{} no work: cutting slices, or waiting for new input, is what takes the time",
                      number(member::kIdleWorkers) == 1
                          ? "1 worker has"
                          : fmt::format("{} workers have", number(member::kIdleWorkers))));
    } else if (all_cut && number("queued") == 0 && number("in_flight") > 0) {
      say("All slices are cut, the last ones are running");
    }
  }

  void add_slowest_operation() {
    const auto operations = stats_.find("operations");
    if (operations == stats_.end() || !operations->is_array()) return;
    double sum = 0, most = 0;
    std::string slowest;
    for (const Json& operation : *operations) {
      if (!has_number(operation, "time_ms")) continue;
      const double time = operation.find("time_ms")->get<double>();
      sum += time;
      if (time > most) {
        most = time;
        slowest = text_of(operation, "op");
      }
    }
    if (slowest.empty() || sum <= 0) return;
    say(fmt::format("Most of the workers' time goes into the operation {} ({:.0f} %)", slowest, most * 100 / sum));
  }

  void add_end() {
    std::string text =
        fmt::format("{} run, {} failed", counted(number("processed"), "slice was", "slices were"), number("failed"));
    if (stats_.empty()) text = "It never ran a slice";
    const Json& summary = object_of(ex_, "summary");
    if (has_number(summary, "seconds"))
      text += fmt::format(" in {}", duration_text(std::llround(summary.at("seconds").get<double>() * 1'000)));
    else if (const auto began = time_of(stats_, "started"); began && has_number(stats_, member::kRunSeconds))
      text += fmt::format(" in {}", duration_text(number(member::kRunSeconds) * 1'000));
    if (!stats_.empty())
      text +=
          fmt::format("; {} records came in, {} went out", grouped_number("records_in"), grouped_number("records_out"));
    if (const std::string reason = plain_cause(text_of(ex_, member::kFailure)); !reason.empty())
      say("The reason: " + reason);
    else if (status_ == "stopped")
      say("It was told to stop");
    say(text);
    if (status_ == "completed") add_slowest_operation();
  }

  // The causes of failed slices, each once.
  void add_errors() {
    if (evidence_.errors.empty()) return;
    constexpr std::size_t kMostCauses = 3;
    std::vector<std::pair<std::string, std::int64_t>> causes;
    for (const Json& slice : evidence_.errors) {
      const std::string cause = plain_cause(text_of(slice, "error"));
      const auto known = std::ranges::find(causes, cause, &std::pair<std::string, std::int64_t>::first);
      if (known == causes.end())
        causes.emplace_back(cause, 1);
      else
        ++known->second;
    }
    for (std::size_t i = 0; i < std::min(causes.size(), kMostCauses); ++i) {
      const auto& [cause, count] = causes[i];
      say(fmt::format("{} failed with: {}", counted(count, "slice", "slices"), cause));
    }
    if (causes.size() > kMostCauses)
      say(fmt::format("There are {} further causes; see {}", causes.size() - kMostCauses, advice("errors")));
  }

  void add_quarantine() {
    const std::int64_t records = number("quarantined");
    if (records == 0) return;
    say(fmt::format("{} set aside because they could not be processed; see {}",
                    records == 1 ? "1 record was" : fmt::format("{} records were", records), advice("quarantine")));
  }

  // A controller that had to be started again, as the history shows it.
  void add_restarts() {
    const Json* last = nullptr;
    std::int64_t count = 0;
    for (const Json& change : evidence_.history) {
      const std::string reason = text_of(change, "reason");
      const auto to = parse_execution_status(text_of(change, "to"));
      if (reason.empty() || (to && is_terminal(*to)) || to == ExecutionStatus::failing) continue;  // told elsewhere
      if (is_usual(text_of(change, "event"), reason)) continue;
      ++count;
      last = &change;
    }
    if (last == nullptr) return;
    say(fmt::format("Before, it became {} at {}: {}{}", text_of(*last, "to"), text_of(*last, "time"),
                    plain_cause(text_of(*last, "reason")),
                    count > 1 ? fmt::format(" ({} such changes; see {})", count, advice("show")) : ""));
  }

  bool is_about_input() const {
    return !evidence_.errors.empty() && std::ranges::all_of(evidence_.errors, [](const Json& slice) {
      return cli::is_about_input(text_of(slice, "error"));
    });
  }

  void add_next_step() {
    const auto status = parse_execution_status(status_);
    if (!status || !is_terminal(*status)) return;
    if (status_ == "rejected") {
      say("Mend the job and submit it again");
    } else if (status_ != "completed" && is_about_input()) {
      say("The input is what is wrong. A recovery reads files as they were and refuses a mended one");
      say(
          fmt::format("Mend the file and {} the job anew, or let `_dead_letter_action: quarantine` in the job set bad "
                      "records aside",
                      evidence_.is_stored ? "run" : "submit"));
    } else if (status_ != "completed") {
      say(fmt::format("{}{} goes on where it ended; its log is shown by {}",
                      status_ == "stopped" ? "" : "With the cause mended, ", go_on(), advice("logs")));
      if (!evidence_.errors.empty()) say("If it is the job that is to be mended, add `--job FILE` to that");
    }
  }

  const Evidence& evidence_;
  const Json& ex_;
  const Json& stats_;
  std::string id_;
  std::string status_;
  std::vector<std::string> sentences_;
};

}  // namespace

std::vector<std::string> explanation(const Evidence& evidence) {
  return Explainer(evidence).explain();
}

}  // namespace slicemill::cli
