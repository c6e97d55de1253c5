// Running sums over all controllers since the master's start, from the counters that each of them reports. Pure.
#pragma once

#include <map>

#include "core/model/stats.h"
#include "core/runtime/ids.h"

namespace slicemill::master {

class ClusterTotals {
 public:
  // Adds what changed since this execution's last report. A counter that fell began again with its controller and
  // counts from 0, except `queued`, which is a level.
  void absorb(const ExecutionId& id, const Stats& stats);
  // The execution reports no more; its share of `queued` leaves.
  void forget(const ExecutionId& id);

  const ClusterCounters& counters() const { return sums_; }

 private:
  ClusterCounters sums_;
  std::map<ExecutionId, ClusterCounters> last_;
};

}  // namespace slicemill::master
