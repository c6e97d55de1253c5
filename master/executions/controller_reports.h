// What controllers say of their executions. Reports are levels: the table's shortest way leads to them, and only
// `Finished` (the outcome is in the ledger) ends an execution that has a controller. Owner: Executions; loop thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/model/stats.h"
#include "core/runtime/loop.h"
#include "master/executions/cluster_totals.h"
#include "master/executions/live_executions.h"
#include "master/processes/controller_links.h"
#include "master/registry/registry.h"

namespace slicemill::master {

class Executions;

class ControllerReports final : public ControllerEvents {
 public:
  ControllerReports(Loop& loop, Registry& registry, Executions& executions)
      : loop_(loop), registry_(registry), executions_(executions) {}

  bool on_hello(const wire::ControllerHello& hello) override;
  void on_connected(const ExecutionId& id) override;
  void on_status(const ExecutionId& id, const wire::Status& status) override;
  void on_finished(const ExecutionId& id, const wire::Finished& finished) override;
  void on_worker_lost(const ExecutionId& id, const wire::WorkerLost& lost) override;
  void on_ledger_made(const ExecutionId& id, const wire::LedgerMade& made) override;
  void on_pulse(const ExecutionId& id, const wire::Pulse& pulse) override;

  // It is to become durable that the execution has a ledger; then its controller is told.
  void note_ledger(LiveExecution& live);
  // The execution reports no more.
  void forget(const ExecutionId& id) { totals_.forget(id); }
  const ClusterTotals& totals() const { return totals_; }

 private:
  void take_report(LiveExecution& live, const std::optional<Stats>& stats, const std::string& reason);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  ClusterTotals totals_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
