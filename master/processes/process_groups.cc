#include "master/processes/process_groups.h"

#include <signal.h>

#include <utility>

#include "core/runtime/log.h"

namespace slicemill::master {

ProcessGroups::ProcessGroups(Loop& loop, Launcher& launcher, SupervisorEvents& events, OnExit on_exit)
    : loop_(loop), launcher_(launcher), events_(events), on_exit_(std::move(on_exit)) {}

ProcessGroups::~ProcessGroups() {
  for (auto& [id, group] : groups_) {
    for (const auto timer : {group->controller_timer, group->worker_timer, group->grace_timer}) loop_.cancel(timer);
  }
}

ProcessGroup* ProcessGroups::find(const ExecutionId& id) const {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

ProcessGroup& ProcessGroups::put(const GroupSpec& spec, std::int64_t workers) {
  auto& group = groups_[spec.ex_id];
  if (!group) group = std::make_unique<ProcessGroup>();
  group->spec = spec;
  group->wanted = workers;
  return *group;
}

void ProcessGroups::drop_if_gone(ProcessGroup& group) {
  const bool begins = group.preparing || group.starting || group.filling;
  if (!group.released || group.controller || !group.workers.empty() || begins) return;
  loop_.cancel(group.grace_timer);
  const ExecutionId id = group.spec.ex_id;
  ++revision_;
  groups_.erase(id);
  events_.group_gone(id);
}

ProcessChild& ProcessGroups::add_child(ProcessGroup& group, ProcessRow row) {
  auto child = std::make_unique<ProcessChild>();
  ProcessChild* plain = child.get();
  plain->row = std::move(row);
  ++revision_;
  plain->started = loop_.now();
  auto& place = plain->row.is_controller ? group.controller : group.workers[plain->row.place];
  place = std::move(child);
  watch(group.spec.ex_id, *plain);
  return *plain;
}

ProcessChild& ProcessGroups::add_started(ProcessGroup& group, ProcessRow row) {
  row.ordinal = next_ordinal_++;
  ProcessChild& child = add_child(group, std::move(row));
  events_.process_started(child.row);
  // The grace of its group was over before it began.
  if (group.released && group.grace_timer == 0) kill_child(child, "the execution has ended");
  return child;
}

void ProcessGroups::remove_child(ProcessGroup& group, const ProcessRow& row) {
  ++revision_;
  if (row.is_controller) {
    group.controller.reset();
  } else {
    group.workers.erase(row.place);
  }
}

void ProcessGroups::watch(const ExecutionId& id, ProcessChild& child) {
  child.watch = launcher_.watch(child.row.process,
                                [this, id, plain = &child](const ProcessExit& exit) { on_exit_(id, plain, exit); });
}

void ProcessGroups::kill_child(ProcessChild& child, const std::string& why) {
  if (!child.killed) child.why = why;
  child.killed = true;
  log(LogLevel::warn, "execution {}: killing {} {}: {}", child.row.ex_id.text,
      child.row.is_controller ? "controller" : "worker", child.row.process.pid, why);
  // Gone already is what is wanted; its watch reports it.
  (void)launcher_.signal(child.row.process, SIGKILL);
}

Loop::TimerId ProcessGroups::later(ProcessGroup& group, Duration delay, std::function<void(ProcessGroup&)> task) {
  return loop_.after(delay, [this, alive = std::weak_ptr<int>(alive_), id = group.spec.ex_id, task = std::move(task)] {
    if (alive.expired()) return;
    if (ProcessGroup* found = find(id)) task(*found);
  });
}

}  // namespace slicemill::master
