#include "execution-controller/progress.h"

#include <algorithm>

#include <fmt/core.h>

namespace slicemill::controller {

Json stats_json(const ProgressView& view) {
  Json stats = {{"workers_available", view.workers.connected - std::min(view.workers.connected, view.workers.active)},
                {"workers_active", view.workers.active},
                {"workers_joined", view.workers.joined},
                {"workers_reconnected", view.workers.reconnected},
                {"workers_disconnected", view.workers.disconnected},
                {"failed", view.counters.failed},
                {"subslices", view.counters.subslices},
                {"queued", view.queued},
                {"slice_range_expansion", 0},
                {"processed", view.counters.processed},
                {"slicers", view.slicers},
                {"subslice_by_key", 0},
                {"started", to_iso(view.started_ms)}};
  if (view.queuing_complete_ms != 0) stats["queuing_complete"] = to_iso(view.queuing_complete_ms);
  if (view.finished_ms != 0) stats["job_duration"] = std::max<WallMs>(1, (view.finished_ms - view.started_ms) / 1000);
  stats["records_in"] = view.counters.records_in;
  stats["records_out"] = view.counters.records_out;
  stats["quarantined"] = view.counters.quarantined;
  stats["bytes_out"] = view.counters.bytes_out;
  stats["retries"] = view.counters.retries;
  stats["refused"] = view.counters.refused;
  stats["speculated"] = view.speculation.begun;
  stats["speculation_won"] = view.speculation.won;
  stats["in_flight"] = view.in_flight;
  if (!view.obstacle.is_null()) stats["obstacle"] = view.obstacle;
  if (!view.operations.empty()) stats["operations"] = view.operations;
  return stats;
}

std::string failure_reason(const std::string& ex_id, std::uint64_t failed) {
  return fmt::format("execution: {} had {} slice failure{} during processing", ex_id, failed, failed == 1 ? "" : "s");
}

}  // namespace slicemill::controller
