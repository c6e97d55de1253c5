#include "master/executions/live_executions.h"

#include <utility>

#include "master/executions/execution_documents.h"

namespace slicemill::master {

LiveExecution& LiveExecutions::insert(const ExecutionRow& row, SteadyTime now) {
  auto& live = live_[row.ex_id];
  live = std::make_unique<LiveExecution>();
  live->ex_id = row.ex_id;
  live->job_id = row.job_id;
  live->source_ledger = row.source_ledger;
  live->has_ledger = row.has_ledger;
  live->name = row.name;
  live->seq = row.seq;
  by_creation_[row.seq] = live.get();
  live->status = live->durable_status = row.status;
  live->reason = row.reason;
  live->has_errors = row.has_errors;
  live->stats = stored_stats(row);
  live->failed = row.failed;
  live->wanted = row.workers;
  live->updated = row.updated;
  live->last_heard = now;
  live->met_controller = row.status != ExecutionStatus::pending && row.status != ExecutionStatus::scheduling;
  return *live;
}

std::unique_ptr<LiveExecution> LiveExecutions::take_out(const ExecutionId& id) {
  auto live = std::move(live_.at(id));
  live_.erase(id);
  by_creation_.erase(live->seq);
  ++revision_;
  return live;
}

LiveExecution* LiveExecutions::find(const ExecutionId& id) const {
  const auto found = live_.find(id);
  return found == live_.end() ? nullptr : found->second.get();
}

const LiveExecution* LiveExecutions::find_by_job(const JobId& id) const {
  for (const auto& [ex_id, live] : live_) {
    if (live->job_id == id) return live.get();
  }
  return nullptr;
}

void LiveExecutions::set_reason(std::string& present, std::string reason) {
  if (present == reason) return;
  present = std::move(reason);
  ++revision_;
}

std::string LiveExecutions::live_reason(const ExecutionId& id) const {
  const auto found = live_.find(id);
  if (found == live_.end()) return {};
  const LiveExecution& live = *found->second;
  std::string reasons;
  for (const std::string* reason : {&live.live_reason, &live.workers_reason, &live.slots_reason}) {
    if (!reasons.empty() && !reason->empty()) reasons += "; ";
    reasons += *reason;
  }
  return reasons;
}

}  // namespace slicemill::master
