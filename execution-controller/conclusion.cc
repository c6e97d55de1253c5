#include "execution-controller/conclusion.h"

#include <utility>

#include <fmt/core.h>

#include "core/model/end_reason.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/settlement/first_error.h"
#include "execution-controller/settlement/quarantine_policy.h"

namespace slicemill::controller {
namespace {

constexpr auto kTellAfter = std::chrono::seconds(1);  // the outcome, at the latest

}  // namespace

bool ran_to_its_end(ExecutionStatus outcome) {
  return outcome == ExecutionStatus::completed || outcome == ExecutionStatus::failed;
}

Conclusion::Conclusion(Loop& loop, const ControllerLaunch& launch, ExecutionLifecycle& lifecycle, SliceFlow& flow,
                       Hooks hooks)
    : loop_(loop), launch_(launch), lifecycle_(lifecycle), flow_(flow), hooks_(std::move(hooks)) {}

void Conclusion::found(const LedgerOutcome& outcome, const SliceCounters& counters, bool owes_output) {
  log(LogLevel::info, "the ledger has the outcome already: {}", to_string(outcome.status));
  outcome_ = {outcome.status, outcome.reason, counters};
  if (ran_to_its_end(outcome.status)) outcome_.remarks = standing_remarks(flow_.remarks());
  finished_ms_ = outcome.at_ms;
  if (owes_output) flow_.output().leave_staged();
  lifecycle_.take(LifecycleEvent::found_ended);
  clean_up_and_tell();
}

void Conclusion::conclude(LifecycleEvent event, const std::string& reason) {
  const auto outcome = outcome_of(lifecycle_.phase(), event);
  if (!outcome) return;
  lifecycle_.take(event);
  flow_.dispatcher().set_open(false);
  flow_.dispatcher().levels().dismiss_all();
  finished_ms_ = loop_.wall_ms();
  LedgerWriter& writer = flow_.writer();
  writer.batch().outcome = LedgerOutcome{*outcome, reason, finished_ms_};
  if (SLICEMILL_MUTATED("tell_outcome_before_sync"))
    outcome_durable(*outcome, reason);
  else
    writer.after_sync([this, status = *outcome, reason] { outcome_durable(status, reason); });
}

void Conclusion::conclude_if_drained(const ControlVerbs& verbs, bool obstructed) {
  if (!flow_.is_drained(verbs.past_deadline())) return;
  const bool waited_enough = verbs.past_deadline() || outcome_.obstacle.has_value();
  if (obstructed && waited_enough) flow_.leave_unpublished();
  if (!flow_.nothing_in_progress()) return;
  if (lifecycle_.phase() == Phase::suspending) {
    suspend();
  } else if (lifecycle_.gives_up() || !flow_.leaves_nothing_open()) {
    if (!flow_.fence_rest(hooks_.on_change)) return;
    std::string reason = verbs.fatal_reason();
    if (!flow_.unfenced().empty()) reason += (reason.empty() ? "" : "; ") + flow_.unfenced();
    conclude(LifecycleEvent::drained, reason);
  } else if (!obstructed) {
    conclude_all_done();
  } else if (waited_enough) {  // else: the output is still to be joined
    conclude(LifecycleEvent::drained, "");
  }
}

void Conclusion::conclude_all_done() {
  const std::uint64_t failed = flow_.settlement().tally().counters().failed;
  const std::string excess = quarantine_excess(true);
  if (failed > 0) {
    const auto& first = flow_.settlement().tally().first_failure();
    conclude(LifecycleEvent::all_done_with_errors,
             to_text(SlicesFailed{failed, first ? first_error_text(*first) : ""}));
  } else if (!excess.empty()) {
    conclude(LifecycleEvent::all_done_with_errors, excess);
  } else if (flow_.sources().cannot_resume()) {
    conclude(LifecycleEvent::all_done_with_errors, "slicer cannot resume: it does not know its position");
  } else if (flow_.sources().waits_for_completions()) {
    conclude(LifecycleEvent::all_done_with_errors,
             "what is left follows from slices that this execution was not asked to run");
  } else if (flow_.output().joins() && flow_.all_of_lineage_done()) {
    flow_.output().join();
  } else {
    if (flow_.output().joins())
      log(LogLevel::warn, "the output is not joined: slices of earlier executions are still open");
    conclude(LifecycleEvent::all_done, "");
  }
}

// Records that a redrive quarantines again were there before: it makes none worse.
std::string Conclusion::quarantine_excess(bool at_end) const {
  if (flow_.sources().redrives()) return {};
  const SliceCounters counters = flow_.settlement().tally().counters();
  const std::string excess =
      QuarantinePolicy::of(launch_.job).excess(counters.quarantined, counters.records_in, at_end);
  return excess.empty() ? "" : fmt::format("execution {}: {}", launch_.ex_id, excess);
}

void Conclusion::outcome_durable(ExecutionStatus status, const std::string& reason) {
  if (auto passed = fault("terminal"); !passed) {
    ledger_failed(passed.error());
    return;
  }
  lifecycle_.take(LifecycleEvent::outcome_synced);
  outcome_ = {status, reason, flow_.writer().durable_counters()};
  if (ran_to_its_end(status)) outcome_.remarks = standing_remarks(flow_.remarks());
  outcome_.stats = hooks_.stats_at_end();
  for (const auto& remark : outcome_.remarks) log(LogLevel::warn, "{}", remark);
  log(LogLevel::info, "execution {} is {}{}{}: {} slice{}, {} failed", launch_.ex_id, to_string(status),
      reason.empty() ? "" : ", ", reason, outcome_.counters.processed, outcome_.counters.processed == 1 ? "" : "s",
      outcome_.counters.failed);
  for (const auto& line : flow_.analytics().averages()) log(LogLevel::info, "{}", line);
  clean_up_and_tell();
}

void Conclusion::suspend() {
  lifecycle_.take(LifecycleEvent::drained);
  outcome_.status = ExecutionStatus::stopped;
  outcome_.counters = flow_.writer().durable_counters();
  outcome_.suspended = true;
  outcome_.stats = hooks_.stats_at_end();
  end();
}

void Conclusion::ledger_failed(const Error& error) {
  if (!lifecycle_.take(LifecycleEvent::ledger_lost)) return;
  log(LogLevel::error, "the ledger failed: {}", error.message);
  flow_.dispatcher().set_open(false);
  outcome_ = {ExecutionStatus::failed, error.message, flow_.writer().durable_counters()};
  outcome_.ledger_error = error;
  end();
}

// Cleaning goes first: once the master was told it starts no other controller that would do it. But nobody waits long
// for an end because many files have to go. The process ends when both are through.
void Conclusion::clean_up_and_tell() {
  struct Left {
    bool cleaning = true, telling = true, told = false;
  };
  auto left = std::make_shared<Left>();
  auto ends = [this, left] {
    if (!left->cleaning && !left->telling) end();
  };
  auto tells = [this, left, ends, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired() || std::exchange(left->told, true)) return;
    tell([left, ends] {
      left->telling = false;
      ends();
    });
  };
  // What was committed and never published is still a recovery's to publish.
  if (!flow_.publishes_all()) flow_.output().leave_staged();
  if (!flow_.output().cleans_up()) {
    left->cleaning = false;
    loop_.post(tells);
    return;
  }
  loop_.after(kTellAfter, tells);
  flow_.output().clean_up(outcome_.status, flow_.settlement().tally().counters().quarantined > 0, [left, tells, ends] {
    left->cleaning = false;
    tells();
    ends();
  });
}

void Conclusion::tell(std::function<void()> told) {
  if (link_ == nullptr)
    told();
  else
    link_->finish(hooks_.report(), std::move(told));
}

void Conclusion::end() {
  if (!std::exchange(ended_, true)) hooks_.on_finished(outcome_);
}

}  // namespace slicemill::controller
