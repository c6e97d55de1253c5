#include "master/executions/slot_planning.h"

#include <set>
#include <utility>
#include <vector>

#include "master/executions/executions.h"

namespace slicemill::master {

namespace {

bool has_another(const std::set<Supervisor::ControllerOf>& controllers, const JobId& job,
                 const ExecutionId& execution) {
  auto next = controllers.lower_bound({job, ExecutionId()});
  if (next != controllers.end() && next->first == job && next->second == execution) ++next;
  return next != controllers.end() && next->first == job;
}

}  // namespace

void SlotPlanning::plan() {
  if (planning_) return;
  planning_ = true;
  loop_.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    planning_ = false;
    if (!admitting_) return;
    PlannerView view;
    view.slots = executions_.options().slots;
    view.lingering = executions_.supervisor().lingering_workers();
    const auto controllers = executions_.supervisor().controllers();
    std::vector<LiveExecution*> listed;
    listed.reserve(executions_.live().by_creation().size());
    view.entries.reserve(executions_.live().by_creation().size());
    for (const auto& [seq, live] : executions_.live().by_creation()) {
      if (is_terminal(live->status)) continue;
      const bool is_admitted = live->status != ExecutionStatus::pending;
      listed.push_back(live);
      view.entries.push_back({.admitted = is_admitted,
                              // One whose predecessor could still write starts nothing.
                              .held = !is_admitted && has_another(controllers, live->job_id, live->ex_id),
                              .wants_more = live->status != ExecutionStatus::stopping && !live->decided,
                              .wanted = live->wanted,
                              .granted = live->granted});
    }
    const auto grants = plan_starts(view);
    for (std::size_t i = 0; i < grants.size(); ++i) apply(*listed[i], grants[i]);
  });
}

void SlotPlanning::apply(LiveExecution& live, const Grant& grant) {
  if (grant.shortage != live.shortage) {
    live.shortage = grant.shortage;
    executions_.live().set_reason(live.slots_reason, to_text(grant.shortage));
  }
  const bool more = grant.granted != live.granted;
  live.granted = grant.granted;
  if (grant.admit) {
    executions_.change(live, ExecutionEvent::admitted, live.slots_reason);
  } else if (more) {
    executions_.tell_wanted(live);  // before the first of them comes
    executions_.supervisor().set_workers(live.ex_id, live.granted);
  }
}

}  // namespace slicemill::master
