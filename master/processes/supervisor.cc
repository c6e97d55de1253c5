#include "master/processes/supervisor.h"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "core/model/launch.h"
#include "core/runtime/log.h"

namespace slicemill::master {

namespace {

using std::chrono::seconds;

// A worker that left by itself was told to, most likely because the execution is about to end: its place is not filled
// at once.
constexpr Duration kAfterLeaving = seconds(1);
// For workers of an ended execution whose controller has gone: most were told to leave by it, and nobody tells the
// others.
constexpr Duration kLeftAlone = seconds(2);

}  // namespace

Supervisor::Supervisor(Loop& loop, Launcher& launcher, SupervisorEvents& events)
    : groups_(
          loop, launcher, events,
          [this](const ExecutionId& id, ProcessChild* child, const ProcessExit& exit) { on_exit(id, child, exit); }),
      worker_starts_(groups_),
      controller_starts_(groups_, worker_starts_) {}

void Supervisor::start(const GroupSpec& spec, std::int64_t workers) {
  ProcessGroup& group = groups_.put(spec, workers);
  controller_starts_.prepare(group);
}

void Supervisor::adopt(const GroupSpec& spec, const std::vector<ProcessRow>& known, std::int64_t workers) {
  ProcessGroup& group = groups_.put(spec, workers);
  for (const auto& row : known) {
    groups_.note_ordinal(row.ordinal);
    if (groups_.launcher().alive(row.process)) {
      groups_.add_child(group, row);
    } else {
      groups_.events().process_gone(row, ProcessExit{}, false);
    }
  }
  // Without a controller it may turn out that the execution has ended: then no worker is wanted any more.
  group.prepared = group.controller != nullptr;
}

void Supervisor::adopt_controller(const ExecutionId& id, const ProcessIdentity& process, std::uint64_t epoch) {
  ProcessGroup* group = groups_.find(id);
  if (group == nullptr || group->controller || group->starting) return;
  groups_.loop().cancel(group->controller_timer);
  group->controller_timer = 0;
  group->prepared = true;
  ProcessRow row;
  row.ex_id = id;
  row.job_id = group->spec.job_id;
  row.is_controller = true;
  row.process = process;
  row.epoch = epoch;
  groups_.add_started(*group, std::move(row));
  worker_starts_.fill(*group);
}

void Supervisor::set_workers(const ExecutionId& id, std::int64_t wanted) {
  ProcessGroup* group = groups_.find(id);
  if (group == nullptr || group->released) return;
  group->wanted = wanted;
  if (static_cast<std::int64_t>(group->workers.size()) >= wanted) worker_starts_.go_on(*group);
  worker_starts_.fill(*group);
}

void Supervisor::restart_controller(const ExecutionId& id, const std::string& why) {
  ProcessGroup* group = groups_.find(id);
  if (group == nullptr || group->released) return;
  if (group->controller) {
    groups_.kill_child(*group->controller, why);
  } else if (!group->preparing && !group->starting && group->controller_timer == 0) {
    controller_starts_.prepare(*group);
  }
}

void Supervisor::kill_worker(const ExecutionId& id, std::int64_t pid, const std::string& why) {
  ProcessGroup* group = groups_.find(id);
  if (group == nullptr) return;
  for (auto& [place, worker] : group->workers) {
    if (worker->row.process.pid == pid) groups_.kill_child(*worker, why);
  }
}

void Supervisor::kill_stranger(const ProcessIdentity& process) {
  (void)groups_.launcher().signal(process, SIGKILL);
}

void Supervisor::release(const ExecutionId& id, Duration grace) {
  ProcessGroup* group = groups_.find(id);
  if (group == nullptr) return;
  group->released = true;
  groups_.loop().cancel(group->controller_timer);
  groups_.loop().cancel(group->worker_timer);
  group->controller_timer = group->worker_timer = 0;
  kill_rest_after(*group, group->controller ? grace : std::min(grace, kLeftAlone));
}

void Supervisor::kill_rest_after(ProcessGroup& group, Duration grace) {
  groups_.loop().cancel(group.grace_timer);
  group.grace_timer = groups_.later(group, grace, [this](ProcessGroup& found) {
    found.grace_timer = 0;
    if (found.controller) groups_.kill_child(*found.controller, "the execution has ended");
    for (auto& [place, worker] : found.workers) groups_.kill_child(*worker, "the execution has ended");
    groups_.drop_if_gone(found);
  });
}

void Supervisor::on_exit(const ExecutionId& id, ProcessChild* child, const ProcessExit& exit) {
  ProcessGroup* group = groups_.find(id);
  if (group == nullptr) return;
  // Whoever replaces a living process makes two of one: what was reported is not enough, it must be seen to be gone.
  if (groups_.launcher().alive(child->row.process)) {
    log(LogLevel::error, "execution {}: process {} was reported as gone and lives", id.text, child->row.process.pid);
    groups_.watch(id, *child);
    return;
  }
  const ProcessRow row = child->row;
  const Duration life = groups_.loop().now() - child->started;
  const bool killed = child->killed;
  std::string cause = killed ? fmt::format("killed: {}", child->why) : exit.to_text();
  const bool spoke = row.is_controller && exit.known && exit.signal == 0 && exit.code != 0;
  const std::string words = spoke ? groups_.launcher().last_words(row.process, controller_output(group->spec)) : "";
  if (!words.empty()) cause = words;
  groups_.remove_child(*group, row);
  const bool expected =
      group->released || (!row.is_controller && static_cast<std::int64_t>(group->workers.size()) >= group->wanted);
  log(expected ? LogLevel::info : LogLevel::warn, "execution {}: {} {} is gone ({})", id.text,
      row.is_controller ? "controller" : "worker", row.process.pid, cause);
  groups_.events().process_gone(row, exit, expected);
  group = groups_.find(id);  // the event may have released or removed it
  if (group == nullptr) return;
  if (group->released) {
    if (row.is_controller) kill_rest_after(*group, kLeftAlone);
    groups_.drop_if_gone(*group);
  } else if (row.is_controller && exit.known && exit.code == kObstructedExit) {
    controller_starts_.obstructed(
        *group, life,
        fmt::format("{}; log: {}/controller.log", words.empty() ? "it met one" : words, group->spec.log_directory));
  } else if (row.is_controller && exit.known && exit.code == kLedgerHeldExit) {
    // Most likely an earlier controller: the one with the old epoch is killed as soon as it says hello.
    controller_starts_.waits(
        *group, life,
        fmt::format("conflict: another process holds the ledger of this execution; waiting until it is "
                    "gone; log: {}/controller.log",
                    group->spec.log_directory));
  } else if (row.is_controller) {
    controller_starts_.failed(*group, life, cause);
  } else if (exit.known && exit.code == kObstructedExit) {
    worker_starts_.obstructed(*group, life,
                              fmt::format("it met one; log: {}/worker-{}.log", group->spec.log_directory, row.place));
  } else {
    const bool left = exit.known && exit.signal == 0 && exit.code == 0;
    worker_starts_.failed(*group, left ? kWorkerRestarts.short_life : life, left ? kAfterLeaving : Duration::zero());
  }
}

bool Supervisor::has_controller(const ExecutionId& id) const {
  const ProcessGroup* group = groups_.find(id);
  return group != nullptr && (group->controller != nullptr || group->starting);
}

std::set<Supervisor::ControllerOf> Supervisor::controllers() const {
  std::set<ControllerOf> list;
  for (const auto& [id, group] : groups_.all())
    if (group->has_controller()) list.emplace(group->spec.job_id, id);
  return list;
}

std::int64_t Supervisor::live_workers(const ExecutionId& id) const {
  const ProcessGroup* group = groups_.find(id);
  return group == nullptr ? 0 : static_cast<std::int64_t>(group->workers.size());
}

std::int64_t Supervisor::lingering_workers() const {
  std::int64_t count = 0;
  for (const auto& [id, group] : groups_.all()) {
    if (group->released) count += static_cast<std::int64_t>(group->workers.size());
  }
  return count;
}

std::vector<ProcessRow> Supervisor::processes() const {
  std::vector<ProcessRow> rows;
  for (const auto& [id, group] : groups_.all()) {
    if (group->controller) rows.push_back(group->controller->row);
    for (const auto& [place, worker] : group->workers) rows.push_back(worker->row);
  }
  std::sort(rows.begin(), rows.end(), [](const ProcessRow& a, const ProcessRow& b) { return a.ordinal < b.ordinal; });
  return rows;
}

}  // namespace slicemill::master
