// Running sums over all controllers since the master's start, from the counters that each of them reports. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>

#include "core/runtime/ids.h"
#include "core/runtime/json.h"

namespace slicemill::master {

class ClusterTotals {
 public:
  static constexpr std::array kCounters = {
      "processed", "failed", "queued", "job_duration", "workers_joined", "workers_disconnected", "workers_reconnected"};

  // Adds what changed since this execution's last report. A counter that fell began again with its controller and
  // counts from 0, except `queued`, which is a level.
  void absorb(const ExecutionId& id, const Json& stats);
  // The execution reports no more; its share of `queued` leaves.
  void forget(const ExecutionId& id);

  Json to_json() const;  // {processed: ..., ...}

 private:
  using Values = std::array<std::int64_t, kCounters.size()>;

  Values sums_{};
  std::map<ExecutionId, Values> last_;
};

}  // namespace slicemill::master
