#include "master/executions/controller_reports.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/runtime/log.h"
#include "master/executions/executions.h"

namespace slicemill::master {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

}  // namespace

bool ControllerReports::on_hello(const wire::ControllerHello& hello) {
  const ExecutionId id(hello.ex_id);
  LiveExecution* live = executions_.find(id);
  if (live == nullptr) {
    // It may have missed that its outcome was taken; it says it again and is told so.
    const auto row = registry_.execution_facts(id);
    return row && *row && is_terminal((*row)->status);
  }
  if (hello.epoch < live->epoch) {
    log(LogLevel::warn, "execution {}: controller {} has the old epoch {} (now {}), killing it", id.text,
        hello.process.pid, hello.epoch, live->epoch);
    executions_.supervisor().kill_stranger(hello.process);
    return false;
  }
  live->epoch = hello.epoch;
  live->met_controller = true;
  live->last_heard = loop_.now();
  if (!executions_.supervisor().has_controller(id))
    executions_.supervisor().adopt_controller(id, hello.process, hello.epoch);
  if (live->status == ExecutionStatus::scheduling) executions_.change(*live, ExecutionEvent::controller_up, "");
  if (live->stalled) executions_.live().explain(*live, "");
  live->stalled = false;
  if (live->status == ExecutionStatus::stopping) {
    const auto left = live->stop_by ? duration_cast<milliseconds>(*live->stop_by - loop_.now()).count()
                                    : executions_.options().settings.shutdown_timeout_ms;
    executions_.links().verb(id, wire::VerbName::stop, std::to_string(std::max<std::int64_t>(left, 0)),
                             [](const Result<wire::Answer>&) {});
  }
  return true;
}

void ControllerReports::on_connected(const ExecutionId& id) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr) return;
  executions_.tell_wanted(*live);
  live->pulse.reset();  // until it shows it again
  if (executions_.options().process) executions_.links().tell(id, wire::PulseWanted{*executions_.options().process});
  if (!live->workers_reason.empty()) executions_.links().tell(id, wire::WorkersWait{live->workers_reason});
}

void ControllerReports::take_report(LiveExecution& live, const std::optional<Stats>& stats, const std::string& reason) {
  live.last_heard = loop_.now();
  live.stalled = false;
  live.reported_reason = reason;
  executions_.live().explain(live, reason);
  if (!stats) return;
  live.failed = static_cast<std::int64_t>(stats->slices.failed);
  if (live.progress != stats->progress) executions_.note_progress();
  live.progress = stats->progress;
  live.stats = stats;
  totals_.absorb(live.ex_id, *stats);
}

void ControllerReports::on_status(const ExecutionId& id, const wire::Status& status) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr || status.epoch != live->epoch) return;
  take_report(*live, status.stats, status.reason);
  if (static_cast<std::int64_t>(status.workers) != live->granted ||
      (!live->log_level.empty() && status.log_level != live->log_level))
    executions_.tell_wanted(*live);
  const auto reported = parse_execution_status(status.status);
  if (!reported) {
    log(LogLevel::error, "execution {}: its controller reports the unknown status \"{}\"", id.text, status.status);
    return;
  }
  live->stop_is_heard = live->stop_is_heard || *reported == ExecutionStatus::stopping;
  // Only Finished ends an execution: it says that the outcome is in the ledger.
  if (!is_terminal(*reported) && !is_terminal(live->status)) executions_.follow(*live, *reported, status.reason);
}

void ControllerReports::on_finished(const ExecutionId& id, const wire::Finished& finished) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr) {
    executions_.links().tell(id, wire::FinishedAck{});  // on_hello let it in, so the registry has the outcome
    return;
  }
  if (finished.epoch != live->epoch || is_terminal(live->status))
    return;  // the ack of the first one follows its commit
  take_report(*live, finished.stats, finished.reason);
  const auto outcome = parse_execution_status(finished.status);
  if (!outcome || !is_terminal(*outcome)) {
    executions_.change(*live, ExecutionEvent::fatal,
                       fmt::format("its controller ended with the unknown status \"{}\"", finished.status));
  } else if (!executions_.follow(*live, *outcome, finished.reason)) {
    executions_.change(*live, ExecutionEvent::fatal,
                       fmt::format("its controller ended as {} while it was {}: {}", finished.status,
                                   to_string(live->status), finished.reason));
  }
}

void ControllerReports::on_worker_lost(const ExecutionId& id, const wire::WorkerLost& lost) {
  if (executions_.find(id) != nullptr) executions_.supervisor().kill_worker(id, lost.pid, lost.reason);
}

// Its controller gives no slice away before it hears that this is durable; it asks again each beat.
void ControllerReports::on_ledger_made(const ExecutionId& id, const wire::LedgerMade& made) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr || made.epoch != live->epoch) return;
  if (live->has_ledger)
    executions_.links().tell(id, wire::LedgerNoted{});
  else
    note_ledger(*live);
}

void ControllerReports::note_ledger(LiveExecution& live) {
  if (std::exchange(live.notes_ledger, true)) return;
  RegistryBatch batch;
  batch.ledgers_made.push_back(live.ex_id);
  registry_.write(std::move(batch),
                  [this, alive = std::weak_ptr<int>(alive_), id = live.ex_id](const Result<void>& result) {
                    LiveExecution* noted = alive.expired() ? nullptr : executions_.find(id);
                    if (noted == nullptr) return;
                    noted->notes_ledger = false;
                    noted->has_ledger = result.has_value();
                    if (result) executions_.links().tell(id, wire::LedgerNoted{});
                  });
}

void ControllerReports::on_pulse(const ExecutionId& id, const wire::Pulse& pulse) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr) return;
  auto view = PulseView::open(pulse.path);
  if (!view) {  // then it goes on with messages
    log(LogLevel::warn, "execution {}: {}", id.text, view.error().message);
    return;
  }
  live->pulse = std::move(*view);
  executions_.links().tell(id, wire::PulseTaken{static_cast<std::uint64_t>(executions_.options().settings.pulse_ms())});
}

}  // namespace slicemill::master
