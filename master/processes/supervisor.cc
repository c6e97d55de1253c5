#include "master/processes/supervisor.h"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "core/model/launch.h"
#include "core/runtime/log.h"

namespace slicemill::master {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr RestartPolicy::Options kControllerRestarts{seconds(60), true, milliseconds(100), seconds(5), 10};
// After an obstacle, which is no failed start: for ever, but not in a hot circle.
constexpr RestartPolicy::Options kObstructedRestarts{seconds(10), true, milliseconds(100), seconds(5), 0};
constexpr RestartPolicy::Options kWorkerRestarts{seconds(1), false, milliseconds(100), seconds(5), 0};
// A worker that left by itself was told to, most likely because the execution is about to end: its place is not filled
// at once.
constexpr Duration kAfterLeaving = seconds(1);
// A worker that lives so long had all the threads that it needs.
constexpr Duration kSettledWorker = seconds(1);
// For workers of an ended execution whose controller has gone: most were told to leave by it, and nobody tells the
// others.
constexpr Duration kLeftAlone = seconds(2);

std::string controller_output(const GroupSpec& spec) {
  return spec.log_directory + "/controller.out";
}

}  // namespace

struct Supervisor::Child {
  ProcessRow row;
  SteadyTime started;
  bool killed = false;  // by us
  std::string why;      // killed for this
  std::unique_ptr<ProcessWatch> watch;
};

struct Supervisor::Group {
  GroupSpec spec;
  ChildPtr controller;
  std::map<std::int64_t, ChildPtr> workers;  // by place
  std::int64_t wanted = 0;
  bool released = false;
  bool prepared = false;      // its directories are there: workers may start
  bool preparing = false;     // a controller is about to start
  bool starting = false;      // the launcher has been asked for a controller
  bool filling = false;       // the launcher is or will soon be asked for a worker
  bool workers_wait = false;  // for an obstacle
  RestartPolicy controller_policy{kControllerRestarts};
  int unstarted = 0;  // of its failed starts: no process began
  RestartPolicy obstructed_policy{kObstructedRestarts};
  RestartPolicy worker_policy{kWorkerRestarts};
  RestartPolicy obstructed_worker_policy{kObstructedRestarts};
  Loop::TimerId controller_timer = 0;
  Loop::TimerId worker_timer = 0;  // while it runs no worker is started
  Loop::TimerId grace_timer = 0;

  bool has_controller() const { return controller || preparing || starting; }
};

Supervisor::Supervisor(Loop& loop, Launcher& launcher, SupervisorEvents& events)
    : loop_(loop), launcher_(launcher), events_(events) {}

Supervisor::~Supervisor() {
  for (auto& [id, group] : groups_) {
    for (const auto timer : {group->controller_timer, group->worker_timer, group->grace_timer}) loop_.cancel(timer);
  }
}

Supervisor::Group* Supervisor::find(const ExecutionId& id) const {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

Supervisor::Group& Supervisor::new_group(const GroupSpec& spec, std::int64_t workers) {
  auto& group = groups_[spec.ex_id];
  if (!group) group = std::make_unique<Group>();
  group->spec = spec;
  group->wanted = workers;
  return *group;
}

Loop::TimerId Supervisor::later(Group& group, Duration delay, std::function<void(Group&)> task) {
  return loop_.after(delay, [this, alive = std::weak_ptr<int>(alive_), id = group.spec.ex_id, task = std::move(task)] {
    if (alive.expired()) return;
    if (Group* found = find(id)) task(*found);
  });
}

void Supervisor::start(const GroupSpec& spec, std::int64_t workers) {
  Group& group = new_group(spec, workers);
  prepare_controller(group);
}

void Supervisor::adopt(const GroupSpec& spec, const std::vector<ProcessRow>& known, std::int64_t workers) {
  Group& group = new_group(spec, workers);
  for (const auto& row : known) {
    next_ordinal_ = std::max(next_ordinal_, row.ordinal + 1);
    if (launcher_.alive(row.process)) {
      add_child(group, row);
    } else {
      events_.process_gone(row, ProcessExit{}, false);
    }
  }
  // Without a controller it may turn out that the execution has ended: then no worker is wanted any more.
  group.prepared = group.controller != nullptr;
}

void Supervisor::adopt_controller(const ExecutionId& id, const ProcessIdentity& process, std::uint64_t epoch) {
  Group* group = find(id);
  if (group == nullptr || group->controller || group->starting) return;
  loop_.cancel(group->controller_timer);
  group->controller_timer = 0;
  group->prepared = true;
  ProcessRow row;
  row.ex_id = id;
  row.job_id = group->spec.job_id;
  row.is_controller = true;
  row.process = process;
  row.ordinal = next_ordinal_++;
  row.epoch = epoch;
  add_child(*group, row);
  events_.process_started(row);
  fill_workers(*group);
}

Supervisor::Child& Supervisor::add_child(Group& group, ProcessRow row) {
  auto child = std::make_unique<Child>();
  Child* plain = child.get();
  plain->row = std::move(row);
  ++revision_;
  plain->started = loop_.now();
  auto& place = plain->row.is_controller ? group.controller : group.workers[plain->row.place];
  place = std::move(child);
  watch(group.spec.ex_id, *plain);
  return *plain;
}

void Supervisor::watch(const ExecutionId& id, Child& child) {
  child.watch = launcher_.watch(child.row.process,
                                [this, id, plain = &child](const ProcessExit& exit) { on_exit(id, plain, exit); });
}

// ---- controllers ----

void Supervisor::prepare_controller(Group& group) {
  group.preparing = true;
  events_.prepare_controller(group.spec.ex_id, [this, alive = std::weak_ptr<int>(alive_),
                                                id = group.spec.ex_id](const Result<std::uint64_t>& epoch) {
    if (!alive.expired()) controller_is_prepared(id, epoch);
  });
}

void Supervisor::controller_is_prepared(const ExecutionId& id, const Result<std::uint64_t>& epoch) {
  Group* group = find(id);
  if (group == nullptr) return;
  group->preparing = false;
  if (group->released) {
    drop_if_gone(*group);
  } else if (group->controller) {
    return;  // one said hello meanwhile
  } else if (epoch) {
    group->prepared = true;
    start_controller(*group, *epoch);
    fill_workers(*group);
  } else if (epoch.error().obstacle) {
    controller_obstructed(*group, Duration::zero(), epoch.error().message);
  } else {
    controller_failed(*group, std::nullopt, epoch.error().message);
  }
}

void Supervisor::start_controller(Group& group, std::uint64_t epoch) {
  const GroupSpec& spec = group.spec;
  group.starting = true;
  launcher_.start_controller(
      {spec.ex_id, spec.launch_file, controller_output(spec), spec.environment},
      [this, alive = std::weak_ptr<int>(alive_), id = spec.ex_id, epoch](const Result<ProcessIdentity>& process) {
        if (!alive.expired()) controller_is_started(id, epoch, process);
      });
}

void Supervisor::controller_is_started(const ExecutionId& id, std::uint64_t epoch,
                                       const Result<ProcessIdentity>& process) {
  Group& group = *find(id);  // it stays while something of it starts
  group.starting = false;
  if (!process && group.released) {
    drop_if_gone(group);
    return;
  }
  if (!process) {
    const Error& error = process.error();
    if (error.obstacle)
      controller_obstructed(group, Duration::zero(), error.message);
    else if (error.retryable)
      controller_failed(group, std::nullopt, error.message);
    else
      events_.gave_up(id, fmt::format("the execution controller cannot be started: {}", error.message));
    return;
  }
  ProcessRow row;
  row.ex_id = id;
  row.job_id = group.spec.job_id;
  row.is_controller = true;
  row.process = *process;
  row.ordinal = next_ordinal_++;
  row.epoch = epoch;
  log(LogLevel::info, "execution {}: controller started, pid {}, epoch {}", id.text, process->pid, epoch);
  Child& child = add_child(group, row);
  events_.process_started(row);
  kill_if_late(child);
}

// The grace of its group was over before it began.
void Supervisor::kill_if_late(Child& child) {
  const Group* group = find(child.row.ex_id);
  if (group != nullptr && group->released && group->grace_timer == 0) kill_child(child, "the execution has ended");
}

void Supervisor::controller_failed(Group& group, std::optional<Duration> life, const std::string& cause) {
  const ExecutionId id = group.spec.ex_id;
  const auto delay = group.controller_policy.on_exit(life.value_or(Duration::zero()));
  const int failed = group.controller_policy.failed_starts();
  if (failed <= 1) group.unstarted = 0;  // a first one, or a long life before
  if (!life) ++group.unstarted;
  const std::string where = fmt::format("; log: {}/controller.log", group.spec.log_directory);
  if (!delay) {
    const int died = failed - group.unstarted;
    std::string what = died > 0 ? fmt::format("died {} times within a minute of its start", died) : "";
    if (group.unstarted > 0)
      what += fmt::format("{}could not be started {} times", what.empty() ? "" : " and ", group.unstarted);
    events_.gave_up(id, fmt::format("the execution controller {}, last: {}{}", what, cause, where));
    return;
  }
  events_.controller_restarts(
      id, life ? fmt::format("the execution controller died ({}), starting it again{}", cause, where)
               : fmt::format("the execution controller could not be started ({}), trying again{}", cause, where));
  prepare_controller_after(group, *delay);
}

void Supervisor::controller_obstructed(Group& group, Duration life, const std::string& cause) {
  controller_waits(group, life, fmt::format("obstacle: the execution controller cannot be started: {}", cause));
}

void Supervisor::controller_waits(Group& group, Duration life, const std::string& reason) {
  const Duration delay = group.obstructed_policy.on_exit(life).value_or(Duration::zero());
  prepare_controller_after(group, delay);
  events_.controller_waits(group.spec.ex_id, reason);
}

void Supervisor::prepare_controller_after(Group& group, Duration delay) {
  loop_.cancel(group.controller_timer);
  group.controller_timer = later(group, delay, [this](Group& found) {
    found.controller_timer = 0;
    if (!found.released && !found.controller && !found.preparing && !found.starting) prepare_controller(found);
  });
}

void Supervisor::restart_controller(const ExecutionId& id, const std::string& why) {
  Group* group = find(id);
  if (group == nullptr || group->released) return;
  if (group->controller) {
    kill_child(*group->controller, why);
  } else if (!group->preparing && !group->starting && group->controller_timer == 0) {
    prepare_controller(*group);
  }
}

// ---- workers ----

void Supervisor::set_workers(const ExecutionId& id, std::int64_t wanted) {
  Group* group = find(id);
  if (group == nullptr || group->released) return;
  group->wanted = wanted;
  if (static_cast<std::int64_t>(group->workers.size()) >= wanted) workers_go_on(*group);
  fill_workers(*group);
}

// Never before the caller has returned.
void Supervisor::fill_workers(Group& group) {
  if (!group.prepared || group.filling || group.released || group.worker_timer != 0) return;
  if (static_cast<std::int64_t>(group.workers.size()) >= group.wanted) return;
  group.filling = true;
  loop_.post([this, alive = std::weak_ptr<int>(alive_), id = group.spec.ex_id] {
    Group* found = alive.expired() ? nullptr : find(id);
    if (found == nullptr) return;
    const bool is_wanted = !found->released && static_cast<std::int64_t>(found->workers.size()) < found->wanted;
    if (is_wanted)
      start_worker(*found);
    else
      found->filling = false;
    drop_if_gone(*found);
  });
}

std::int64_t Supervisor::free_place(const Group& group) const {
  std::int64_t place = 1;
  while (group.workers.contains(place)) ++place;
  return place;
}

void Supervisor::start_worker(Group& group) {
  const GroupSpec& spec = group.spec;
  ProcessRow row;
  row.ex_id = spec.ex_id;
  row.job_id = spec.job_id;
  row.place = free_place(group);
  row.worker_id = new_worker_id(loop_);
  const std::string log_base = fmt::format("{}/worker-{}", spec.log_directory, row.place);
  const WorkerOrder order{
      spec.ex_id,           row.worker_id,  spec.controller_endpoint, spec.controller_key, spec.marker_directory,
      log_base + ".log",    spec.log_level, log_base + ".out",        spec.environment,    spec.worker_memory_limit,
      spec.worker_cpu_limit};
  launcher_.start_worker(order,
                         [this, alive = std::weak_ptr<int>(alive_), row](const Result<ProcessIdentity>& process) {
                           if (!alive.expired()) worker_is_started(row, process);
                         });
}

void Supervisor::worker_is_started(ProcessRow row, const Result<ProcessIdentity>& process) {
  Group& group = *find(row.ex_id);  // it stays while something of it starts
  group.filling = false;
  if (!process && group.released) {
    drop_if_gone(group);
  } else if (!process) {
    const Error& error = process.error();
    if (error.obstacle) {
      worker_obstructed(group, Duration::zero(), error.message);
    } else if (error.retryable) {
      log(LogLevel::error, "execution {}: {}", row.ex_id.text, error.message);
      worker_failed(group, Duration::zero(), Duration::zero());
    } else {
      events_.gave_up(row.ex_id, fmt::format("a worker cannot be started: {}", error.message));
    }
  } else {
    row.process = *process;
    row.ordinal = next_ordinal_++;
    Child& child = add_child(group, row);
    events_.process_started(row);
    kill_if_late(child);
    if (group.workers_wait) look_for_settled_worker(group, row.place, row.ordinal);
    fill_workers(group);
  }
}

void Supervisor::worker_failed(Group& group, Duration life, Duration least_delay) {
  fill_workers_after(group, std::max(group.worker_policy.on_exit(life).value_or(Duration::zero()), least_delay));
}

// Nothing is wrong with the execution: it waits for room for its workers, and says so.
void Supervisor::worker_obstructed(Group& group, Duration life, const std::string& cause) {
  if (!group.workers_wait)
    log(LogLevel::warn, "execution {}: no worker can be started: {}", group.spec.ex_id.text, cause);
  group.workers_wait = true;
  fill_workers_after(group, group.obstructed_worker_policy.on_exit(life).value_or(Duration::zero()));
  events_.workers_wait(group.spec.ex_id, fmt::format("obstacle: no worker can be started: {}", cause));
}

void Supervisor::look_for_settled_worker(Group& group, std::int64_t place, std::int64_t ordinal) {
  later(group, kSettledWorker, [this, place, ordinal](Group& found) {
    const auto worker = found.workers.find(place);
    if (!found.workers_wait || worker == found.workers.end() || worker->second->row.ordinal != ordinal) return;
    workers_go_on(found);
  });
}

void Supervisor::workers_go_on(Group& group) {
  if (!std::exchange(group.workers_wait, false)) return;
  log(LogLevel::info, "execution {}: it does not wait for workers any more", group.spec.ex_id.text);
  events_.workers_wait(group.spec.ex_id, "");
}

void Supervisor::fill_workers_after(Group& group, Duration delay) {
  if (delay == Duration::zero()) {
    fill_workers(group);
    return;
  }
  if (group.worker_timer != 0) return;
  group.worker_timer = later(group, delay, [this](Group& found) {
    found.worker_timer = 0;
    fill_workers(found);
  });
}

void Supervisor::kill_worker(const ExecutionId& id, std::int64_t pid, const std::string& why) {
  Group* group = find(id);
  if (group == nullptr) return;
  for (auto& [place, worker] : group->workers) {
    if (worker->row.process.pid == pid) kill_child(*worker, why);
  }
}

// ---- the end ----

void Supervisor::kill_stranger(const ProcessIdentity& process) {
  (void)launcher_.signal(process, SIGKILL);
}

void Supervisor::kill_child(Child& child, const std::string& why) {
  if (!child.killed) child.why = why;
  child.killed = true;
  log(LogLevel::warn, "execution {}: killing {} {}: {}", child.row.ex_id.text,
      child.row.is_controller ? "controller" : "worker", child.row.process.pid, why);
  // Gone already is what is wanted; its watch reports it.
  (void)launcher_.signal(child.row.process, SIGKILL);
}

void Supervisor::release(const ExecutionId& id, Duration grace) {
  Group* group = find(id);
  if (group == nullptr) return;
  group->released = true;
  loop_.cancel(group->controller_timer);
  loop_.cancel(group->worker_timer);
  group->controller_timer = group->worker_timer = 0;
  kill_rest_after(*group, group->controller ? grace : std::min(grace, kLeftAlone));
}

void Supervisor::kill_rest_after(Group& group, Duration grace) {
  loop_.cancel(group.grace_timer);
  group.grace_timer = later(group, grace, [this](Group& found) {
    found.grace_timer = 0;
    if (found.controller) kill_child(*found.controller, "the execution has ended");
    for (auto& [place, worker] : found.workers) kill_child(*worker, "the execution has ended");
    drop_if_gone(found);
  });
}

void Supervisor::drop_if_gone(Group& group) {
  const bool begins = group.preparing || group.starting || group.filling;
  if (!group.released || group.controller || !group.workers.empty() || begins) return;
  loop_.cancel(group.grace_timer);
  const ExecutionId id = group.spec.ex_id;
  ++revision_;
  groups_.erase(id);
  events_.group_gone(id);
}

void Supervisor::on_exit(const ExecutionId& id, Child* child, const ProcessExit& exit) {
  Group* group = find(id);
  if (group == nullptr) return;
  // Whoever replaces a living process makes two of one: what was reported is not enough, it must be seen to be gone.
  if (launcher_.alive(child->row.process)) {
    log(LogLevel::error, "execution {}: process {} was reported as gone and lives", id.text, child->row.process.pid);
    watch(id, *child);
    return;
  }
  const ProcessRow row = child->row;
  const Duration life = loop_.now() - child->started;
  const bool killed = child->killed;
  std::string cause = killed ? fmt::format("killed: {}", child->why) : exit.to_text();
  const bool spoke = row.is_controller && exit.known && exit.signal == 0 && exit.code != 0;
  const std::string words = spoke ? launcher_.last_words(row.process, controller_output(group->spec)) : "";
  if (!words.empty()) cause = words;
  ++revision_;
  if (row.is_controller) {
    group->controller.reset();
  } else {
    group->workers.erase(row.place);
  }
  const bool expected =
      group->released || (!row.is_controller && static_cast<std::int64_t>(group->workers.size()) >= group->wanted);
  log(expected ? LogLevel::info : LogLevel::warn, "execution {}: {} {} is gone ({})", id.text,
      row.is_controller ? "controller" : "worker", row.process.pid, cause);
  events_.process_gone(row, exit, expected);
  group = find(id);  // the event may have released or removed it
  if (group == nullptr) return;
  if (group->released) {
    if (row.is_controller) kill_rest_after(*group, kLeftAlone);
    drop_if_gone(*group);
  } else if (row.is_controller && exit.known && exit.code == kObstructedExit) {
    controller_obstructed(
        *group, life,
        fmt::format("{}; log: {}/controller.log", words.empty() ? "it met one" : words, group->spec.log_directory));
  } else if (row.is_controller && exit.known && exit.code == kLedgerHeldExit) {
    // Most likely an earlier controller: the one with the old epoch is killed as soon as it says hello.
    controller_waits(*group, life,
                     fmt::format("conflict: another process holds the ledger of this execution; waiting until it is "
                                 "gone; log: {}/controller.log",
                                 group->spec.log_directory));
  } else if (row.is_controller) {
    controller_failed(*group, life, cause);
  } else if (exit.known && exit.code == kObstructedExit) {
    worker_obstructed(*group, life,
                      fmt::format("it met one; log: {}/worker-{}.log", group->spec.log_directory, row.place));
  } else {
    const bool left = exit.known && exit.signal == 0 && exit.code == 0;
    worker_failed(*group, left ? kWorkerRestarts.short_life : life, left ? kAfterLeaving : Duration::zero());
  }
}

// ---- views ----

bool Supervisor::has_controller(const ExecutionId& id) const {
  const Group* group = find(id);
  return group != nullptr && (group->controller != nullptr || group->starting);
}

std::set<Supervisor::ControllerOf> Supervisor::controllers() const {
  std::set<ControllerOf> list;
  for (const auto& [id, group] : groups_)
    if (group->has_controller()) list.emplace(group->spec.job_id, id);
  return list;
}

std::int64_t Supervisor::live_workers(const ExecutionId& id) const {
  const Group* group = find(id);
  return group == nullptr ? 0 : static_cast<std::int64_t>(group->workers.size());
}

std::int64_t Supervisor::lingering_workers() const {
  std::int64_t count = 0;
  for (const auto& [id, group] : groups_) {
    if (group->released) count += static_cast<std::int64_t>(group->workers.size());
  }
  return count;
}

std::vector<ProcessRow> Supervisor::processes() const {
  std::vector<ProcessRow> rows;
  for (const auto& [id, group] : groups_) {
    if (group->controller) rows.push_back(group->controller->row);
    for (const auto& [place, worker] : group->workers) rows.push_back(worker->row);
  }
  std::sort(rows.begin(), rows.end(), [](const ProcessRow& a, const ProcessRow& b) { return a.ordinal < b.ordinal; });
  return rows;
}

}  // namespace slicemill::master
