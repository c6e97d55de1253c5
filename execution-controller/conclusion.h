// HOW AN EXECUTION ENDS. The outcome is durable before anybody is told; what is left over of the output is removed;
// then the master is told, and whoever started the controller. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/clock.h"
#include "execution-controller/control_verbs.h"
#include "execution-controller/controller_parts.h"
#include "execution-controller/execution_lifecycle.h"
#include "execution-controller/reporting/master_link.h"
#include "execution-controller/slice_flow.h"

namespace slicemill::controller {

class Conclusion {
 public:
  struct Hooks {
    std::function<StatusReport()> report;
    std::function<Stats()> stats_at_end;
    std::function<void()> on_change;                     // it may conclude now
    std::function<void(ControllerOutcome)> on_finished;  // once
  };

  Conclusion(Loop& loop, const ControllerLaunch& launch, ExecutionLifecycle& lifecycle, SliceFlow& flow, Hooks hooks);
  // Without one, nobody but on_finished is told.
  void set_link(MasterLink* link) { link_ = link; }

  // The ledger was opened with this outcome: only the telling is left. owes_output: committed outputs of it were never
  // published.
  void found(const LedgerOutcome& outcome, const SliceCounters& counters, bool owes_output);
  // The event leads to an outcome by the table; nothing if it does not now.
  void conclude(LifecycleEvent event, const std::string& reason);
  // Of one that drains: nothing runs any more, or the deadline has passed. obstructed: an obstacle is up.
  void conclude_if_drained(const ControlVerbs& verbs, bool obstructed);
  // Every slice is done: parts are joined before, if the output is to be joined.
  void conclude_all_done();
  // Why it has quarantined too many records to go on, or, at_end, to be completed; "" if it has not.
  std::string quarantine_excess(bool at_end) const;
  // It suspends itself for this.
  void set_obstacle(Error obstacle) { outcome_.obstacle = std::move(obstacle); }
  // Nothing can be recorded any more, so nothing may be claimed: the process ends without an outcome and is started
  // again.
  void ledger_failed(const Error& error);

  const ControllerOutcome& outcome() const { return outcome_; }
  WallMs finished_ms() const { return finished_ms_; }  // 0: not yet

 private:
  // This process's part ends without an outcome.
  void suspend();
  void outcome_durable(ExecutionStatus status, const std::string& reason);
  void clean_up_and_tell();
  void tell(std::function<void()> told);
  void end();

  Loop& loop_;
  const ControllerLaunch& launch_;
  ExecutionLifecycle& lifecycle_;
  SliceFlow& flow_;
  const Hooks hooks_;
  MasterLink* link_ = nullptr;
  ControllerOutcome outcome_;
  WallMs finished_ms_ = 0;
  bool ended_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// What no record showed stands then: of one that was stopped the rest may show otherwise.
bool ran_to_its_end(ExecutionStatus outcome);

}  // namespace slicemill::controller
