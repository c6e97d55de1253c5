// Executions, second part: what controllers and processes report, and what their silence means.
#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/files.h"
#include "core/runtime/log.h"
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

// ---- from controllers ----

bool Executions::on_hello(const wire::ControllerHello& hello) {
  const ExecutionId id(hello.ex_id);
  LiveExecution* live = find(id);
  if (live == nullptr) {
    // It may have missed that its outcome was taken; it says it again and is told so.
    const auto row = registry_.execution(id);
    return row && *row && is_terminal((*row)->status);
  }
  if (hello.epoch < live->epoch) {
    log(LogLevel::warn, "execution {}: controller {} has the old epoch {} (now {}), killing it", id.text,
        hello.process.pid, hello.epoch, live->epoch);
    supervisor_.kill_stranger(hello.process);
    return false;
  }
  live->epoch = hello.epoch;
  live->met_controller = true;
  live->last_heard = loop_.now();
  if (!supervisor_.has_controller(id)) supervisor_.adopt_controller(id, hello.process, hello.epoch);
  if (live->status == ExecutionStatus::scheduling) change(*live, ExecutionEvent::controller_up, "");
  if (live->stalled) explain(*live, "");
  live->stalled = false;
  if (live->status == ExecutionStatus::stopping) {
    const auto left = live->stop_by ? duration_cast<milliseconds>(*live->stop_by - loop_.now()).count()
                                    : options_.settings.shutdown_timeout_ms;
    links_.verb(id, wire::VerbName::stop, std::to_string(std::max<std::int64_t>(left, 0)),
                [](const Result<wire::Answer>&) {});
  }
  return true;
}

void Executions::on_connected(const ExecutionId& id) {
  LiveExecution* live = find(id);
  if (live == nullptr) return;
  tell_wanted(*live);
  live->pulse.reset();  // until it shows it again
  if (options_.process) links_.tell(id, wire::PulseWanted{*options_.process});
  if (!live->workers_reason.empty()) links_.tell(id, wire::WorkersWait{live->workers_reason});
}

void Executions::take_report(LiveExecution& live, const std::optional<Stats>& stats, const std::string& reason) {
  live.last_heard = loop_.now();
  live.stalled = false;
  live.reported_reason = reason;
  explain(live, reason);
  if (!stats) return;
  live.failed = static_cast<std::int64_t>(stats->slices.failed);
  has_new_progress_ = has_new_progress_ || live.progress != stats->progress;
  live.progress = stats->progress;
  live.stats = stats;
  totals_.absorb(live.ex_id, *stats);
}

void Executions::on_status(const ExecutionId& id, const wire::Status& status) {
  LiveExecution* live = find(id);
  if (live == nullptr || status.epoch != live->epoch) return;
  take_report(*live, status.stats, status.reason);
  if (static_cast<std::int64_t>(status.workers) != live->granted ||
      (!live->log_level.empty() && status.log_level != live->log_level))
    tell_wanted(*live);
  const auto reported = parse_execution_status(status.status);
  if (!reported) {
    log(LogLevel::error, "execution {}: its controller reports the unknown status \"{}\"", id.text, status.status);
    return;
  }
  live->stop_is_heard = live->stop_is_heard || *reported == ExecutionStatus::stopping;
  // Only Finished ends an execution: it says that the outcome is in the ledger.
  if (!is_terminal(*reported) && !is_terminal(live->status)) follow(*live, *reported, status.reason);
}

void Executions::on_finished(const ExecutionId& id, const wire::Finished& finished) {
  LiveExecution* live = find(id);
  if (live == nullptr) {
    links_.tell(id, wire::FinishedAck{});  // on_hello let it in, so the registry has the outcome
    return;
  }
  if (finished.epoch != live->epoch || is_terminal(live->status))
    return;  // the ack of the first one follows its commit
  take_report(*live, finished.stats, finished.reason);
  const auto outcome = parse_execution_status(finished.status);
  if (!outcome || !is_terminal(*outcome)) {
    change(*live, ExecutionEvent::fatal,
           fmt::format("its controller ended with the unknown status \"{}\"", finished.status));
  } else if (!follow(*live, *outcome, finished.reason)) {
    change(*live, ExecutionEvent::fatal,
           fmt::format("its controller ended as {} while it was {}: {}", finished.status, to_string(live->status),
                       finished.reason));
  }
}

void Executions::on_worker_lost(const ExecutionId& id, const wire::WorkerLost& lost) {
  if (find(id) != nullptr) supervisor_.kill_worker(id, lost.pid, lost.reason);
}

// Its controller gives no slice away before it hears that this is durable; it asks again each beat.
void Executions::on_ledger_made(const ExecutionId& id, const wire::LedgerMade& made) {
  LiveExecution* live = find(id);
  if (live == nullptr || made.epoch != live->epoch) return;
  if (live->has_ledger)
    links_.tell(id, wire::LedgerNoted{});
  else
    note_ledger(*live);
}

void Executions::note_ledger(LiveExecution& live) {
  if (std::exchange(live.notes_ledger, true)) return;
  RegistryBatch batch;
  batch.ledgers_made.push_back(live.ex_id);
  registry_.write(std::move(batch),
                  [this, alive = std::weak_ptr<int>(alive_), id = live.ex_id](const Result<void>& result) {
                    LiveExecution* noted = alive.expired() ? nullptr : find(id);
                    if (noted == nullptr) return;
                    noted->notes_ledger = false;
                    noted->has_ledger = result.has_value();
                    if (result) links_.tell(id, wire::LedgerNoted{});
                  });
}

void Executions::on_pulse(const ExecutionId& id, const wire::Pulse& pulse) {
  LiveExecution* live = find(id);
  if (live == nullptr) return;
  auto view = PulseView::open(pulse.path);
  if (!view) {  // then it goes on with messages
    log(LogLevel::warn, "execution {}: {}", id.text, view.error().message);
    return;
  }
  live->pulse = std::move(*view);
  links_.tell(id, wire::PulseTaken{static_cast<std::uint64_t>(options_.settings.pulse_ms())});
}

// ---- from the supervisor ----

void Executions::process_started(const ProcessRow& process) {
  notes_.started(process);
  LiveExecution* live = find(process.ex_id);
  if (live == nullptr || !process.is_controller) return;
  live->last_heard = loop_.now();
  live->silence_punished = false;
}

void Executions::process_gone(const ProcessRow& process, const ProcessExit& exit, bool) {
  notes_.gone(process.process);
  if (process.is_controller) {
    if (LiveExecution* live = find(process.ex_id)) {
      live->pulse.reset();
      if (live->progress) live->progress = without_rates(*std::move(live->progress));
      has_new_progress_ = true;
    }
    links_.forget(process.ex_id);
  } else {
    links_.tell(process.ex_id, wire::WorkerExit{process.process.pid, exit.to_text()});
  }
}

void Executions::controller_restarts(const ExecutionId& id, const std::string& reason) {
  LiveExecution* live = find(id);
  if (live == nullptr || is_terminal(live->status)) return;
  explain(*live, reason);
  live->lines.push_back({id, loop_.wall_ms(), std::string(to_string(live->status)), "controller_restart",
                         std::string(to_string(live->status)), reason});
  persist(*live);
}

// Nothing is wrong with the execution: it goes on when the obstacle is gone.
void Executions::controller_waits(const ExecutionId& id, const std::string& reason) {
  LiveExecution* live = find(id);
  if (live == nullptr || is_terminal(live->status)) return;
  explain(*live, reason);
  const bool runs = is_running_group(live->status) && live->status != ExecutionStatus::stopping;
  if (runs && live->status != ExecutionStatus::paused) change(*live, ExecutionEvent::pause, reason);
}

// The controller would give the execution up after a while without workers.
void Executions::workers_wait(const ExecutionId& id, const std::string& reason) {
  LiveExecution* live = find(id);
  if (live == nullptr || live->workers_reason == reason) return;
  set_reason(live->workers_reason, reason);
  links_.tell(id, wire::WorkersWait{reason});
}

void Executions::gave_up(const ExecutionId& id, const std::string& reason) {
  LiveExecution* live = find(id);
  if (live == nullptr || is_terminal(live->status)) return;
  live->kill_at_end = true;
  change(*live, ExecutionEvent::fatal, reason);
}

void Executions::group_gone(const ExecutionId& id) {
  // A controller that was killed leaves its socket file behind, workers what they noted.
  loop_.offload(
      Loop::Executor::store,
      [socket = options_.layout.runtime + "/" + id.text, notes = options_.layout.marker_directory(id.text)] {
        (void)posix_files().remove(socket);
        (void)posix_files().remove_tree(notes);
      },
      [] {});
  plan();
}

// ---- silence and delay ----

void Executions::tick() {
  tick_timer_ = loop_.after(kTick, [this] { tick(); });
  // Time in which this process did not run itself (stopped, starved) is not silence of others: what they said is
  // unread.
  const Duration late = loop_.now() - ticked_ - kTick;
  if (late > Duration::zero())
    for (auto& [id, live] : live_) live->last_heard += late;
  ticked_ = loop_.now();
  if (std::exchange(has_new_progress_, false)) ++reasons_revision_;
  std::vector<ExecutionId> ids;
  for (const auto& [id, live] : live_) ids.push_back(id);
  for (const auto& id : ids) {
    if (LiveExecution* live = find(id)) check_silence(*live);
    if (LiveExecution* live = find(id)) check_overdue(*live);
  }
}

// A live status is a lease of its controller (I4).
void Executions::check_silence(LiveExecution& live) {
  if (!supervisor_.has_controller(live.ex_id) || live.silence_punished || is_terminal(live.status)) return;
  if (live.pulse) live.last_heard = std::max(live.last_heard, live.pulse->last());
  const Duration silent = loop_.now() - live.last_heard;
  const auto& settings = options_.settings;
  const bool rests = live.pulse && live.status == ExecutionStatus::paused;
  const Duration lease = milliseconds(rests ? settings.rest_lease_ms() : settings.lease_ms);
  if (silent <= lease) {
    if (std::exchange(live.stalled, false)) explain(live, live.reported_reason);
    return;
  }
  const auto silent_seconds = duration_cast<seconds>(silent).count();
  live.stalled = true;
  explain(live, fmt::format("stalled: no word from the execution controller for {} s", silent_seconds));
  if (silent <= kSilentLeases * lease) return;
  live.silence_punished = true;
  supervisor_.restart_controller(live.ex_id, fmt::format("no word from it for {} s", silent_seconds));
}

// The controller keeps the deadline of a stop; one that does not is killed, and its successor stops at once.
void Executions::check_overdue(LiveExecution& live) {
  if (live.status != ExecutionStatus::stopping) return;
  if (!live.stop_by) live.stop_by = loop_.now() + milliseconds(options_.settings.shutdown_timeout_ms);
  // Without a ledger no slice was ever created; with one, only a controller may say how it ended.
  if (!live.met_controller && !live.has_ledger && loop_.now() > *live.stop_by &&
      !ledger_exists(options_.layout.ledger_directory(live.ex_id.text))) {
    live.kill_at_end = true;
    change(live, ExecutionEvent::drained, "");
    return;
  }
  if (loop_.now() <= *live.stop_by + kStopOverdue) return;
  live.stop_by = loop_.now();
  if (++live.overdue_stops < kMostOverdueStops) {
    supervisor_.restart_controller(live.ex_id, "it did not stop in time");
    return;
  }
  live.kill_at_end = true;
  change(live, ExecutionEvent::lost, "it could not be stopped in time, its processes were killed");
}

}  // namespace slicemill::master
