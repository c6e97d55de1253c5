// Controller, second part: how an execution ends. The outcome is durable before anybody is told.
#include <utility>

#include "core/model/end_reason.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/controller.h"

namespace slicemill::controller {
namespace {

constexpr auto kTellAfter = std::chrono::seconds(1);  // the outcome, at the latest

}  // namespace

void Controller::conclude_if_drained() {
  if (prepares_output_) return;  // what it makes would be cleaned up beneath it
  // Workers of an earlier controller may hold slices, and stage output.
  if (dispatcher_->reattaching() && !past_deadline_) return;
  const bool workers_gone = dispatcher_->workers().size() == 0 || past_deadline_;
  if (dispatcher_->leased() > 0 || writer_->busy() || !workers_gone) return;
  const bool waited_enough = past_deadline_ || outcome_.obstacle;
  if (obstacle_->up() && waited_enough && settlement_->leave_unpublished()) left_open_ = keeps_staging_ = true;
  if (settlement_->in_progress() > 0) return;
  if (lifecycle_.gives_up()) {
    conclude(Event::drained, reason_);
    return;
  }
  if (lifecycle_.phase() == Phase::suspending) {
    lifecycle_.take(Event::drained);
    outcome_.status = ExecutionStatus::stopped;
    outcome_.counters = writer_->durable_counters();
    outcome_.suspended = true;
    outcome_.stats = stats_at_end();
    if (auto done = std::exchange(on_finished_, nullptr)) done(outcome_);
    return;
  }
  const bool nothing_open =
      !left_open_ && slicing_ && !work_left() && (!recovery_->slices_anew() || source_->exhausted());
  if (nothing_open && obstacle_->up() && !waited_enough) return;  // the output is still to be joined
  if (nothing_open && !obstacle_->up())
    conclude_all_done();
  else
    conclude(Event::drained, "");
}

void Controller::conclude_all_done() {
  const std::uint64_t failed = settlement_->counters().failed;
  const std::string excess = quarantine_excess(true);
  if (failed > 0) {
    const auto& first = settlement_->first_failure();
    conclude(Event::all_done_with_errors, to_text(SlicesFailed{failed, first ? first_error_text(*first) : ""}));
  } else if (!excess.empty()) {
    conclude(Event::all_done_with_errors, excess);
  } else if (cannot_resume_) {
    conclude(Event::all_done_with_errors, "slicer cannot resume: it does not know its position");
  } else if (join_ && all_of_lineage_done()) {
    join_->begin();
  } else {
    if (join_) log(LogLevel::warn, "the output is not joined: slices of earlier executions are still open");
    conclude(Event::all_done, "");
  }
}

// A recovery of one cleanup type may leave slices to others, and a joined output is joined once.
bool Controller::all_of_lineage_done() const {
  const auto counts = ledger_->open_counts();
  return counts && counts->error + counts->start + counts->pending == 0 && source_->exhausted();
}

void Controller::conclude(Event event, const std::string& reason) {
  const auto outcome = outcome_of(lifecycle_.phase(), event);
  if (!outcome) return;
  const ExecutionStatus status = *outcome;
  lifecycle_.take(event);
  dispatcher_->set_open(false);
  dispatcher_->levels().dismiss_all();
  finished_ms_ = parts_.loop.wall_ms();
  writer_->batch().outcome = LedgerOutcome{status, reason, finished_ms_};
  if (SLICEMILL_MUTATED("tell_outcome_before_sync"))
    outcome_durable(status, reason);
  else
    writer_->after_sync([this, status, reason] { outcome_durable(status, reason); });
}

void Controller::outcome_durable(ExecutionStatus status, const std::string& reason) {
  if (auto passed = fault("terminal"); !passed) {
    ledger_failed(passed.error());
    return;
  }
  lifecycle_.take(Event::outcome_synced);
  reason_ = reason;
  outcome_ = {status, reason, writer_->durable_counters()};
  if (ran_to_its_end(status)) outcome_.remarks = standing_remarks(remarks_);
  outcome_.stats = stats_at_end();
  for (const auto& remark : outcome_.remarks) log(LogLevel::warn, "{}", remark);
  log(LogLevel::info, "execution {} is {}{}{}: {} slice{}, {} failed", launch_.ex_id, to_string(status),
      reason.empty() ? "" : ", ", reason, outcome_.counters.processed, outcome_.counters.processed == 1 ? "" : "s",
      outcome_.counters.failed);
  for (const auto& line : analytics_.averages()) log(LogLevel::info, "{}", line);
  finish();
}

// Cleaning goes first: once the master was told it starts no other controller that would do it. But nobody waits long
// for an end because many files have to go. The process ends when both are through.
void Controller::finish() {
  // What was committed and never published is still a recovery's to publish.
  const bool cleans_up = publisher_ && !keeps_staging_ && committed_.empty();
  struct Left {
    bool cleaning = false, telling = false, told = false;
  };
  auto left = std::make_shared<Left>(Left{.cleaning = cleans_up, .telling = link_ != nullptr});
  const std::weak_ptr<bool> alive = alive_;
  auto end = [this, left, alive] {
    if (alive.expired() || left->cleaning || left->telling) return;
    if (auto done = std::exchange(on_finished_, nullptr)) done(outcome_);
  };
  auto tell = [this, left, alive, end] {
    if (alive.expired() || std::exchange(left->told, true)) return;
    if (!left->telling) {
      end();
      return;
    }
    link_->finish(report(), [left, end] {
      left->telling = false;
      end();
    });
  };
  if (!cleans_up) {
    parts_.loop.post(tell);
    return;
  }
  const auto& before = ledger_->header().joined;
  // A redrive of quarantined records adds files to a directory.
  const bool is_joined = !publisher_->joins() || joined_ || (before && before->published);
  const bool has_quarantined = settlement_ && settlement_->counters().quarantined > 0;
  const bool takes_no_more = is_joined && !(publisher_->takes_more() && has_quarantined);
  const bool whole = outcome_.status == ExecutionStatus::completed && takes_no_more;
  parts_.loop.after(kTellAfter, tell);
  parts_.loop.offload(
      Loop::Executor::publish, [this, whole] { publisher_->clean_up(whole); },
      [left, tell, end] {
        left->cleaning = false;
        tell();
        end();
      });
}

// Nothing can be recorded any more, so nothing may be claimed: the process ends without an outcome and is started
// again.
void Controller::ledger_failed(const Error& error) {
  if (!lifecycle_.take(Event::ledger_lost)) return;
  log(LogLevel::error, "the ledger failed: {}", error.message);
  dispatcher_->set_open(false);
  reason_ = error.message;
  outcome_ = {ExecutionStatus::failed, error.message, writer_->durable_counters()};
  outcome_.ledger_error = error;
  if (auto done = std::exchange(on_finished_, nullptr)) done(outcome_);
}

}  // namespace slicemill::controller
