// What the controller says of itself: its status, and the counters that `GET controller` shows. Pure; loop thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/clock.h"
#include "core/runtime/json.h"
#include "execution-controller/dispatcher.h"

namespace slicemill::controller {

struct ProgressView {
  LedgerCounters counters;  // durable ones
  WorkerCounts workers;
  SpeculationCounts speculation;
  std::uint64_t queued = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t slicers = 0;
  std::uint64_t wanted_workers = 0;
  WallMs started_ms = 0;
  WallMs queuing_complete_ms = 0;  // 0: not yet
  WallMs finished_ms = 0;          // 0: not yet
  Json obstacle{};                 // Obstacle::to_json()
  Json operations{};               // Analytics::to_json(); empty: nothing measured
};

// Keys and meaning of the first dialect (reference, 4.8), plus ours: records_in, records_out, bytes_out, retries,
// refused, speculated, speculation_won, in_flight, obstacle, operations.
Json stats_json(const ProgressView& view);

// The error text of an execution that ended with failed slices.
std::string failure_reason(const std::string& ex_id, std::uint64_t failed);

}  // namespace slicemill::controller
