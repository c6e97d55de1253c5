#include "master/executions/executions.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/runtime/files.h"
#include "core/runtime/log.h"

namespace slicemill::master {

namespace {

using std::chrono::seconds;

constexpr Duration kRewrite = seconds(1);  // after a failed write
constexpr Duration kLeaveGrace =
    seconds(30);  // for processes of an ended execution to clean up and leave by themselves

// Atomic, but not synced: after a power failure the execution is started anew, with a new file.
Result<void> write_launch_file(const std::string& path, const std::string& text, const std::string& log_directory) {
  Files& files = posix_files();
  RETURN_IF_ERROR(files.create_directories(path.substr(0, path.rfind('/'))));
  RETURN_IF_ERROR(files.create_directories(log_directory));
  const std::string temporary = path + ".new";
  ASSIGN_OR_RETURN(auto file, files.create(temporary));
  RETURN_IF_ERROR(file->write(text));
  RETURN_IF_ERROR(file->close());
  return files.rename_replace(temporary, path);
}

}  // namespace

Environment process_environment(Environment of_job, const Environment& of_master, std::string_view log_level) {
  for (const auto& variable : of_master) {
    const auto same = [&](const auto& other) { return other.first == variable.first; };
    if (std::ranges::none_of(of_job, same)) of_job.push_back(variable);
  }
  of_job.emplace_back("SLICEMILL_LOG_LEVEL", log_level);
  return of_job;
}

// What one write of a live execution carries, kept until it is durable.
struct Executions::Written {
  ExecutionStatus status = ExecutionStatus::pending;
  std::vector<HistoryRow> lines;
  std::vector<ExecutionEffect> effects;
  std::vector<std::function<void()>> afters;
  bool has_epoch = false;  // LiveExecution::epoch
};

Executions::Executions(Loop& loop, Registry& registry, Launcher& launcher, std::unique_ptr<ServerChannel> channel,
                       ExecutionsOptions options)
    : loop_(loop),
      registry_(registry),
      options_(std::move(options)),
      notes_(loop, registry),
      endpoints_(options_.layout, options_.worker_transport),
      no_cpu_limit_(launcher.no_cpu_limit()),
      supervisor_(loop, launcher, *this),
      links_(loop, std::move(channel), *this) {
  tick();
}

Executions::~Executions() {
  loop_.cancel(tick_timer_);
}

// ---- views ----

LiveExecution* Executions::find(const ExecutionId& id) {
  const auto found = live_.find(id);
  return found == live_.end() ? nullptr : found->second.get();
}

const LiveExecution* Executions::find_by_job(const JobId& id) const {
  for (const auto& [ex_id, live] : live_) {
    if (live->job_id == id) return live.get();
  }
  return nullptr;
}

std::vector<const LiveExecution*> Executions::all() const {
  std::vector<const LiveExecution*> list;
  list.reserve(by_creation_.size());
  for (const auto& [seq, live] : by_creation_) list.push_back(live);
  return list;
}

std::string Executions::live_reason(const ExecutionId& id) const {
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

std::optional<Progress> Executions::live_progress(const ExecutionId& id) const {
  const auto found = live_.find(id);
  return found == live_.end() ? std::nullopt : found->second->progress;
}

void Executions::explain(LiveExecution& live, std::string reason) {
  set_reason(live.live_reason, std::move(reason));
}

void Executions::set_reason(std::string& present, std::string reason) {
  if (present == reason) return;
  present = std::move(reason);
  ++reasons_revision_;
}

ExecutionStatus Executions::shown_status(const ExecutionRow& row) const {
  const auto found = live_.find(row.ex_id);
  if (found == live_.end() || !registry_.obstacle() || is_terminal(found->second->status)) return row.status;
  return found->second->status;
}

std::string Executions::obstacle() const {
  return registry_.obstacle() ? fmt::format("nothing can be recorded at present: {}", registry_.obstacle()->message)
                              : std::string();
}

// ---- life ----

LiveExecution& Executions::insert(const ExecutionRow& row) {
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
  live->last_heard = loop_.now();
  live->met_controller = row.status != ExecutionStatus::pending && row.status != ExecutionStatus::scheduling;
  return *live;
}

// A free slot is given to it before the creation is written, in one write with it, as each write is a sync to wait for.
void Executions::create(ExecutionRow row, std::optional<JobRow> job, std::function<void(Result<void>)> done) {
  LiveExecution& live = insert(row);
  const std::string origin =
      row.recovered_execution.empty() ? "it was submitted or started" : "it recovers " + row.recovered_execution.text;
  live.lines.push_back({row.ex_id, row.created, "", "created", std::string(to_string(row.status)), origin});
  live.creation = Creation{std::move(row), std::move(job), std::move(done)};
  plan();
  loop_.post([this, alive = std::weak_ptr<int>(alive_), id = live.ex_id] {
    LiveExecution* fresh = alive.expired() ? nullptr : find(id);
    if (fresh != nullptr && fresh->creation) persist(*fresh);
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
  persist(live);
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

void Executions::when_durable(LiveExecution& live, std::function<void()> task) {
  if (!live.writing) {
    task();
    return;
  }
  live.afters.push_back(std::move(task));
  live.dirty = true;
}

void Executions::want_workers(LiveExecution& live, std::int64_t count) {
  live.wanted = count;
  if (live.granted > count) {
    live.granted = count;
    supervisor_.set_workers(live.ex_id, count);
    tell_wanted(live);
  }
  persist(live);
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

// One write at a time per execution: what changes meanwhile goes into the next, so the registry never goes back.
void Executions::persist(LiveExecution& live) {
  live.dirty = true;
  if (live.writing) return;
  live.dirty = false;
  live.writing = true;
  auto written = std::make_shared<Written>();
  written->status = live.status;
  written->lines = std::exchange(live.lines, {});
  written->effects = std::exchange(live.effects, {});
  written->afters = std::exchange(live.afters, {});
  RegistryBatch batch;
  if (live.creation) {
    if (live.creation->job) batch.jobs.push_back(*live.creation->job);
    batch.executions.push_back(live.creation->row);
  }
  batch.states.push_back({live.ex_id, live.status, live.reason, live.has_errors, live.failed,
                          live.stats ? encode_stats(*live.stats) : "", live.wanted, live.updated});
  // The first controller's epoch becomes durable with the decision to start it, which saves a sync.
  if (std::ranges::find(written->effects, ExecutionEffect::start_controller) != written->effects.end()) {
    if (auto epoch = next_epoch(live)) {
      batch.epochs.push_back(std::move(*epoch));
      written->has_epoch = true;
    }
  }
  batch.history = written->lines;
  registry_.write(std::move(batch),
                  [this, alive = std::weak_ptr<int>(alive_), id = live.ex_id, written](const Result<void>& result) {
                    if (!alive.expired()) persisted(id, written, result);
                  });
}

void Executions::persisted(const ExecutionId& id, const std::shared_ptr<Written>& written, const Result<void>& result) {
  LiveExecution* found = find(id);
  if (found == nullptr) return;
  LiveExecution& live = *found;
  if (!result) {
    if (live.creation) {
      fail_creation(id, result.error());
    } else {
      write_again(live, *written, result.error());
    }
    return;
  }
  live.writing = false;
  live.durable_status = written->status;
  live.has_unused_epoch |= written->has_epoch;
  if (const auto creation = std::exchange(live.creation, std::nullopt)) creation->done({});
  for (const auto effect : written->effects) {
    if (effect == ExecutionEffect::start_controller) start_processes(live);
  }
  for (const auto& task : written->afters) task();
  if (live_.find(id) == live_.end()) return;
  if (is_terminal(live.durable_status)) {
    end(live);
  } else if (live.dirty) {
    persist(live);
  }
}

std::unique_ptr<LiveExecution> Executions::take_out(const ExecutionId& id) {
  auto live = std::move(live_.at(id));
  live_.erase(id);
  by_creation_.erase(live->seq);
  return live;
}

// It never was.
void Executions::fail_creation(const ExecutionId& id, const Error& error) {
  const auto fresh = take_out(id);
  fresh->creation->done(error);
  for (const auto& reply : fresh->stop_waiters) reply(error);
  plan();  // it may have had slots
}

// Nothing of it is told or done until it is durable: kept in front of what came later, and written again.
void Executions::write_again(LiveExecution& live, const Written& written, const Error& error) {
  live.lines.insert(live.lines.begin(), written.lines.begin(), written.lines.end());
  live.effects.insert(live.effects.begin(), written.effects.begin(), written.effects.end());
  live.afters.insert(live.afters.begin(), written.afters.begin(), written.afters.end());
  if (!live.live_reason.starts_with("obstacle: "))
    explain(live, fmt::format("obstacle: registry: its status cannot be written: {}", error.message));
  loop_.after(kRewrite, [this, alive = std::weak_ptr<int>(alive_), id = live.ex_id] {
    LiveExecution* again = alive.expired() ? nullptr : find(id);
    if (again == nullptr) return;
    again->writing = false;
    persist(*again);
  });
}

// The terminal status is durable.
void Executions::end(LiveExecution& live) {
  const ExecutionId id = live.ex_id;
  const auto ended = take_out(id);
  ++reasons_revision_;
  totals_.forget(id);
  links_.tell(id, wire::FinishedAck{});
  supervisor_.release(id, ended->kill_at_end ? Duration::zero() : kLeaveGrace);
  links_.end(id);
  endpoints_.forget(id);
  loop_.offload(
      Loop::Executor::store, [path = options_.layout.launch_file(id.text)] { (void)posix_files().remove(path); },
      [] {});
  for (const auto& task : ended->afters) task();
  for (const auto& reply : ended->stop_waiters) reply(StopAnswer{ended->durable_status});
  plan();
}

// ---- starting ----

static bool has_another(const std::set<Supervisor::ControllerOf>& controllers, const JobId& job,
                        const ExecutionId& execution) {
  auto next = controllers.lower_bound({job, ExecutionId()});
  if (next != controllers.end() && next->first == job && next->second == execution) ++next;
  return next != controllers.end() && next->first == job;
}

// Gathers what happens in one turn of the loop.
void Executions::plan() {
  if (planning_) return;
  planning_ = true;
  loop_.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    planning_ = false;
    if (!admitting_) return;
    PlannerView view;
    view.slots = options_.slots;
    view.lingering = supervisor_.lingering_workers();
    const auto controllers = supervisor_.controllers();
    std::vector<LiveExecution*> listed;
    listed.reserve(by_creation_.size());
    view.entries.reserve(by_creation_.size());
    for (const auto& [seq, live] : by_creation_) {
      if (is_terminal(live->status)) continue;
      const bool is_admitted = live->status != ExecutionStatus::pending;
      listed.push_back(live);
      view.entries.push_back({.admitted = is_admitted,
                              // One whose predecessor could still write starts nothing.
                              .held = !is_admitted && has_another(controllers, live->job_id, live->ex_id),
                              .wants_more = live->status != ExecutionStatus::stopping && !live->decided,
                              .wanted = live->wanted,
                              .granted = live->granted});
    }
    const auto grants = plan_starts(view);
    for (std::size_t i = 0; i < grants.size(); ++i) apply(*listed[i], grants[i]);
  });
}

void Executions::apply(LiveExecution& live, const Grant& grant) {
  if (grant.shortage != live.shortage) {
    live.shortage = grant.shortage;
    set_reason(live.slots_reason, to_text(grant.shortage));
  }
  const bool more = grant.granted != live.granted;
  live.granted = grant.granted;
  if (grant.admit) {
    change(live, ExecutionEvent::admitted, live.slots_reason);
  } else if (more) {
    tell_wanted(live);  // before the first of them comes
    supervisor_.set_workers(live.ex_id, live.granted);
  }
}

void Executions::start_processes(LiveExecution& live) {
  if (live.status == ExecutionStatus::stopping) {  // stopped before anything started
    change(live, ExecutionEvent::drained, "");
    return;
  }
  const auto spec = group_spec(live);
  if (!spec) {
    change(live, ExecutionEvent::fatal, spec.error().message);
    return;
  }
  supervisor_.start(*spec, live.granted);
}

Result<GroupSpec> Executions::group_spec(const LiveExecution& live) {
  ASSIGN_OR_RETURN(const auto row, registry_.execution(live.ex_id));
  if (!row) return Error{ErrorCode::internal, fmt::format("execution {} is not in the registry", live.ex_id.text)};
  ASSIGN_OR_RETURN(const JobSpec job, spec_of(registry_, *row));
  const DataLayout& layout = options_.layout;
  GroupSpec spec;
  spec.ex_id = live.ex_id;
  spec.job_id = live.job_id;
  spec.log_directory = layout.log_directory(live.ex_id.text);
  spec.launch_file = layout.launch_file(live.ex_id.text);
  ASSIGN_OR_RETURN(const ControllerEndpoint endpoint, endpoints_.of(live.ex_id));
  spec.controller_endpoint = endpoint.endpoint;
  spec.controller_key = endpoint.keys.public_key;
  spec.marker_directory = layout.marker_directory(live.ex_id.text);
  spec.log_level = job.log_level.empty() ? options_.log_level : job.log_level;
  spec.environment = process_environment(job.environment, options_.environment, spec.log_level);
  spec.worker_memory_limit = job.worker_memory_limit;
  if (no_cpu_limit().empty()) spec.worker_cpu_limit = job.worker_cpu_limit;
  return spec;
}

Result<std::string> Executions::launch_text(const ExecutionId& id, const LiveExecution* live) {
  if (live == nullptr) return Error{ErrorCode::cancelled, fmt::format("execution {} has ended", id.text)};
  ASSIGN_OR_RETURN(const auto row, registry_.execution(id));
  if (!row) return Error{ErrorCode::internal, fmt::format("execution {} is not in the registry", id.text)};
  const DataLayout& layout = options_.layout;
  ControllerLaunch launch;
  launch.ex_id = id.text;
  launch.job_id = live->job_id.text;
  launch.epoch = live->epoch;
  ASSIGN_OR_RETURN(launch.job, spec_of(registry_, *row));
  launch.ledger_directory = layout.ledger_directory(id.text);
  launch.ledger_was_made = row->has_ledger;
  launch.master_notes_ledger = true;
  if (!row->source_ledger.empty()) launch.source_ledger_directory = layout.ledger_directory(row->source_ledger.text);
  launch.cleanup = row->cleanup;
  launch.master_endpoint = layout.master_endpoint();
  ASSIGN_OR_RETURN(const ControllerEndpoint endpoint, endpoints_.of(id));
  launch.controller_endpoint = endpoint.endpoint;
  launch.controller_public_key = endpoint.keys.public_key;
  launch.controller_secret_key = endpoint.keys.secret_key;
  launch.marker_directory = layout.marker_directory(id.text);
  launch.log_path = layout.log_directory(id.text) + "/controller.log";
  launch.settings = options_.settings;
  return to_compact_text(launch.to_json());
}

void Executions::prepare_controller(const ExecutionId& id, std::function<void(Result<std::uint64_t>)> ready) {
  LiveExecution* live = find(id);
  if (live == nullptr || std::exchange(live->has_unused_epoch, false)) {
    write_launch(id, ready);
    return;
  }
  auto epoch = next_epoch(*live);
  if (!epoch) {
    loop_.post([ready = std::move(ready), error = epoch.error()] { ready(error); });
    return;
  }
  RegistryBatch batch;
  batch.epochs.push_back(std::move(*epoch));
  registry_.write(std::move(batch),
                  [this, alive = std::weak_ptr<int>(alive_), id, ready = std::move(ready)](const Result<void>& result) {
                    if (alive.expired()) return;
                    if (result) {
                      write_launch(id, ready);
                    } else {
                      ready(result.error());
                    }
                  });
}

Result<EpochRow> Executions::next_epoch(LiveExecution& live) {
  ASSIGN_OR_RETURN(const std::uint64_t stored, registry_.epoch(live.job_id));
  live.epoch = std::max(live.epoch, stored) + 1;
  return EpochRow{live.job_id, live.epoch};
}

// With the last epoch that was issued.
void Executions::write_launch(const ExecutionId& id, const std::function<void(Result<std::uint64_t>)>& ready) {
  const LiveExecution* live = find(id);
  const auto text = launch_text(id, live);
  if (!text) {
    loop_.post([ready, error = text.error()] { ready(error); });
    return;
  }
  auto outcome = std::make_shared<Result<void>>();
  loop_.offload(
      Loop::Executor::store,
      [outcome, text = *text, path = options_.layout.launch_file(id.text),
       logs = options_.layout.log_directory(id.text)] { *outcome = write_launch_file(path, text, logs); },
      [outcome, epoch = live->epoch, ready] { ready(*outcome ? Result<std::uint64_t>(epoch) : outcome->error()); });
}

}  // namespace slicemill::master
