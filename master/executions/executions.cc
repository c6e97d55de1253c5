#include "master/executions/executions.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/runtime/files.h"
#include "core/runtime/log.h"
#include "master/executions/execution_documents.h"

namespace slicemill::master {

namespace {

constexpr Duration kLeaveGrace =
    std::chrono::seconds(30);  // for processes of an ended execution to clean up and leave by themselves

}  // namespace

Executions::Executions(Loop& loop, Registry& registry, Launcher& launcher, std::unique_ptr<ServerChannel> channel,
                       ExecutionsOptions options)
    : loop_(loop),
      registry_(registry),
      options_(std::move(options)),
      writer_(loop, registry, live_,
              {.start = [this](LiveExecution& live) { start_processes(live); },
               .end = [this](LiveExecution& live) { end(live); },
               .creation_failed = [this] { plan(); }}),  // it may have had slots
      launches_(loop, registry, live_, writer_, options_, launcher.no_cpu_limit()),
      journal_(loop, registry),
      supervisor_(loop, launcher, *this),
      reports_(loop, registry, *this),
      links_(loop, std::move(channel), reports_),
      adoption_(loop, registry, *this),
      slots_(loop, *this),
      silence_(loop, *this) {
  silence_.start();
}

// ---- views ----

std::vector<const LiveExecution*> Executions::all() const {
  std::vector<const LiveExecution*> list;
  list.reserve(live_.by_creation().size());
  for (const auto& [seq, live] : live_.by_creation()) list.push_back(live);
  return list;
}

std::optional<Progress> Executions::live_progress(const ExecutionId& id) const {
  const LiveExecution* live = live_.find(id);
  return live == nullptr ? std::nullopt : live->progress;
}

ExecutionStatus Executions::shown_status(const ExecutionRow& row) const {
  const LiveExecution* live = live_.find(row.ex_id);
  if (live == nullptr || !registry_.obstacle() || is_terminal(live->status)) return row.status;
  return live->status;
}

std::string Executions::obstacle() const {
  return registry_.obstacle() ? fmt::format("nothing can be recorded at present: {}", registry_.obstacle()->message)
                              : std::string();
}

// ---- life ----

// A free slot is given to it before the creation is written, in one write with it, as each write is a sync to wait for.
void Executions::create(ExecutionRow row, std::optional<JobRow> job, std::function<void(Result<void>)> done) {
  LiveExecution& live = live_.insert(row, loop_.now());
  const std::string origin =
      row.recovered_execution.empty() ? "it was submitted or started" : "it recovers " + row.recovered_execution.text;
  live.lines.push_back({row.ex_id, row.created, "", "created", std::string(to_string(row.status)), origin});
  live.creation = Creation{std::move(row), std::move(job), std::move(done)};
  plan();
  loop_.post([this, alive = std::weak_ptr<int>(alive_), id = live.ex_id] {
    LiveExecution* fresh = alive.expired() ? nullptr : live_.find(id);
    if (fresh != nullptr && fresh->creation) writer_.persist(*fresh);
  });
}

bool Executions::change(LiveExecution& live, ExecutionEvent event, const std::string& reason) {
  const auto row = next(live.status, event);
  if (!row) {
    log(LogLevel::warn, "execution {}: event {} means nothing while it is {}", live.ex_id.text, to_string(event),
        to_string(live.status));
    return false;
  }
  const WallMs now = loop_.wall_ms();
  live.lines.push_back({live.ex_id, now, std::string(to_string(row->from)), std::string(to_string(event)),
                        std::string(to_string(row->to)), reason.empty() ? std::string(usual_reason(event)) : reason});
  log(LogLevel::info, "execution {}: {} -> {} ({}){}{}", live.ex_id.text, to_string(row->from), to_string(row->to),
      to_string(event), reason.empty() ? "" : ": ", reason);
  live.status = row->to;
  live.updated = now;
  switch (row->to) {
    case ExecutionStatus::failing:
    case ExecutionStatus::failed:
    case ExecutionStatus::terminated:
    case ExecutionStatus::rejected:
      live.has_errors = true;
      live.reason = reason;
      break;
    case ExecutionStatus::completed:
    case ExecutionStatus::stopped:
      live.has_errors = false;
      live.reason.clear();
      break;
    default:
      break;
  }
  // Nothing is dispatched any more, so a worker that dies or leaves need not be replaced.
  if (row->to == ExecutionStatus::stopping) supervisor_.set_workers(live.ex_id, 0);
  if (row->effect != ExecutionEffect::none) live.effects.push_back(row->effect);
  writer_.persist(live);
  return true;
}

bool Executions::follow(LiveExecution& live, ExecutionStatus status, const std::string& reason) {
  const auto events = events_between(live.status, status);
  if (!events) return false;
  // The reason is that of the last step: those before it were not heard of.
  for (std::size_t i = 0; i < events->size(); ++i)
    change(live, (*events)[i], i + 1 == events->size() ? reason : std::string());
  return true;
}

void Executions::want_workers(LiveExecution& live, std::int64_t count) {
  live.wanted = count;
  if (live.granted > count) {
    live.granted = count;
    supervisor_.set_workers(live.ex_id, count);
    tell_wanted(live);
  }
  writer_.persist(live);
  plan();
}

void Executions::set_log_level(LiveExecution& live, const std::string& level) {
  live.log_level = level;
  tell_wanted(live);
}

// A level: told again at the controller's hello, and while its reports say something else.
void Executions::tell_wanted(const LiveExecution& live) {
  links_.tell(live.ex_id,
              wire::Wanted{static_cast<std::uint64_t>(std::max<std::int64_t>(live.granted, 0)), live.log_level});
}

void Executions::show_progress() {
  if (std::exchange(has_new_progress_, false)) live_.raise_revision();
}

// The terminal status is durable.
void Executions::end(LiveExecution& live) {
  const ExecutionId id = live.ex_id;
  const auto ended = live_.take_out(id);
  reports_.forget(id);
  links_.tell(id, wire::FinishedAck{});
  supervisor_.release(id, ended->kill_at_end ? Duration::zero() : kLeaveGrace);
  links_.end(id);
  launches_.forget(id);
  for (const auto& task : ended->afters) task();
  for (const auto& reply : ended->stop_waiters) reply(StopAnswer{ended->durable_status});
  plan();
}

// ---- starting ----

void Executions::start_processes(LiveExecution& live) {
  if (live.status == ExecutionStatus::stopping) {  // stopped before anything started
    change(live, ExecutionEvent::drained, "");
    return;
  }
  const auto spec = launches_.group_spec(live);
  if (!spec) {
    change(live, ExecutionEvent::fatal, spec.error().message);
    return;
  }
  supervisor_.start(*spec, live.granted);
}

// ---- from the supervisor ----

void Executions::prepare_controller(const ExecutionId& id, std::function<void(Result<std::uint64_t>)> ready) {
  launches_.prepare(id, std::move(ready));
}

void Executions::process_started(const ProcessRow& process) {
  journal_.started(process);
  LiveExecution* live = live_.find(process.ex_id);
  if (live == nullptr || !process.is_controller) return;
  live->last_heard = loop_.now();
  live->silence_punished = false;
}

void Executions::process_gone(const ProcessRow& process, const ProcessExit& exit, bool) {
  journal_.gone(process.process);
  if (process.is_controller) {
    if (LiveExecution* live = live_.find(process.ex_id)) {
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
  LiveExecution* live = live_.find(id);
  if (live == nullptr || is_terminal(live->status)) return;
  live_.explain(*live, reason);
  live->lines.push_back({id, loop_.wall_ms(), std::string(to_string(live->status)), "controller_restart",
                         std::string(to_string(live->status)), reason});
  writer_.persist(*live);
}

// Nothing is wrong with the execution: it goes on when the obstacle is gone.
void Executions::controller_waits(const ExecutionId& id, const std::string& reason) {
  LiveExecution* live = live_.find(id);
  if (live == nullptr || is_terminal(live->status)) return;
  live_.explain(*live, reason);
  const bool runs = is_running_group(live->status) && live->status != ExecutionStatus::stopping;
  if (runs && live->status != ExecutionStatus::paused) change(*live, ExecutionEvent::pause, reason);
}

// The controller would give the execution up after a while without workers.
void Executions::workers_wait(const ExecutionId& id, const std::string& reason) {
  LiveExecution* live = live_.find(id);
  if (live == nullptr || live->workers_reason == reason) return;
  live_.set_reason(live->workers_reason, reason);
  links_.tell(id, wire::WorkersWait{reason});
}

void Executions::gave_up(const ExecutionId& id, const std::string& reason) {
  LiveExecution* live = live_.find(id);
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

}  // namespace slicemill::master
