#include "master/executions/silence_watch.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "master/executions/executions.h"

namespace slicemill::master {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kTick = seconds(1);
constexpr int kSilentLeases = 4;                // a controller that is silent for so many is killed
constexpr Duration kStopOverdue = seconds(15);  // beyond the deadline of a stop, which the controller itself keeps
constexpr int kMostOverdueStops = 2;

}  // namespace

void SilenceWatch::tick() {
  timer_ = loop_.after(kTick, [this] { tick(); });
  // Time in which this process did not run itself (stopped, starved) is not silence of others: what they said is
  // unread.
  const Duration late = loop_.now() - ticked_ - kTick;
  if (late > Duration::zero())
    for (const auto& [seq, live] : executions_.live().by_creation()) live->last_heard += late;
  ticked_ = loop_.now();
  executions_.show_progress();
  std::vector<ExecutionId> ids;
  for (const auto& [seq, live] : executions_.live().by_creation()) ids.push_back(live->ex_id);
  for (const auto& id : ids) {
    if (LiveExecution* live = executions_.find(id)) check_silence(*live);
    if (LiveExecution* live = executions_.find(id)) check_overdue(*live);
  }
}

// A live status is a lease of its controller (I4).
void SilenceWatch::check_silence(LiveExecution& live) {
  if (!executions_.supervisor().has_controller(live.ex_id) || live.silence_punished || is_terminal(live.status)) return;
  if (live.pulse) live.last_heard = std::max(live.last_heard, live.pulse->last());
  const Duration silent = loop_.now() - live.last_heard;
  const auto& settings = executions_.options().settings;
  const bool rests = live.pulse && live.status == ExecutionStatus::paused;
  const Duration lease = milliseconds(rests ? settings.rest_lease_ms() : settings.lease_ms);
  if (silent <= lease) {
    if (std::exchange(live.stalled, false)) executions_.live().explain(live, live.reported_reason);
    return;
  }
  const auto silent_seconds = duration_cast<seconds>(silent).count();
  live.stalled = true;
  executions_.live().explain(live,
                             fmt::format("stalled: no word from the execution controller for {} s", silent_seconds));
  if (silent <= kSilentLeases * lease) return;
  live.silence_punished = true;
  executions_.supervisor().restart_controller(live.ex_id, fmt::format("no word from it for {} s", silent_seconds));
}

// The controller keeps the deadline of a stop; one that does not is killed, and its successor stops at once.
void SilenceWatch::check_overdue(LiveExecution& live) {
  if (live.status != ExecutionStatus::stopping) return;
  if (!live.stop_by) live.stop_by = loop_.now() + milliseconds(executions_.options().settings.shutdown_timeout_ms);
  // Without a ledger no slice was ever created; with one, only a controller may say how it ended.
  if (!live.met_controller && !live.has_ledger && loop_.now() > *live.stop_by &&
      !ledger_exists(executions_.options().layout.ledger_directory(live.ex_id.text))) {
    live.kill_at_end = true;
    executions_.change(live, ExecutionEvent::drained, "");
    return;
  }
  if (loop_.now() <= *live.stop_by + kStopOverdue) return;
  live.stop_by = loop_.now();
  if (++live.overdue_stops < kMostOverdueStops) {
    executions_.supervisor().restart_controller(live.ex_id, "it did not stop in time");
    return;
  }
  live.kill_at_end = true;
  executions_.change(live, ExecutionEvent::lost, "it could not be stopped in time, its processes were killed");
}

}  // namespace slicemill::master
