#include "master/executions/cluster_totals.h"

#include <array>

namespace slicemill::master {

namespace {

constexpr std::array kRising = {&ClusterCounters::processed,
                                &ClusterCounters::failed,
                                &ClusterCounters::run_seconds,
                                &ClusterCounters::workers_joined,
                                &ClusterCounters::workers_disconnected,
                                &ClusterCounters::workers_reconnected};

ClusterCounters counters_of(const Stats& stats) {
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  return {.processed = number(stats.slices.processed),
          .failed = number(stats.slices.failed),
          .queued = number(stats.queued),
          .run_seconds = run_seconds(stats).value_or(0),
          .workers_joined = number(stats.workers.joined),
          .workers_disconnected = number(stats.workers.disconnected),
          .workers_reconnected = number(stats.workers.reconnected)};
}

}  // namespace

void ClusterTotals::absorb(const ExecutionId& id, const Stats& stats) {
  const ClusterCounters now = counters_of(stats);
  ClusterCounters& last = last_[id];
  for (const auto counter : kRising)
    sums_.*counter += now.*counter < last.*counter ? now.*counter : now.*counter - last.*counter;
  sums_.queued += now.queued - last.queued;
  last = now;
}

void ClusterTotals::forget(const ExecutionId& id) {
  const auto found = last_.find(id);
  if (found == last_.end()) return;
  sums_.queued -= found->second.queued;
  last_.erase(found);
}

}  // namespace slicemill::master
