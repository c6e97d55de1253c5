// PROCESS SUPERVISION: the processes of every execution, one group each. Starts them, starts them again when they die,
// and sees to it that what should be gone is gone. It knows nothing of statuses: Executions decides, this keeps
// processes in line with the decision.
//
// Owner: the master; loop thread. A controller is started again only after its predecessor was seen gone. A worker that
// dies is replaced as long as fewer live than are wanted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/loop.h"
#include "master/processes/launcher.h"
#include "master/processes/restart_policy.h"
#include "master/registry/registry.h"

namespace slicemill::master {

// What a group's processes need, fixed for the life of the execution.
struct GroupSpec {
  ExecutionId ex_id;
  JobId job_id;
  std::string log_directory;
  std::string launch_file;
  std::string controller_endpoint;
  std::string controller_key;  // its public key; "" over ipc
  std::string marker_directory;
  std::string log_level;
  Environment environment;
  std::int64_t worker_memory_limit = 0;  // bytes; 0: none
  double worker_cpu_limit = 0;           // processors; 0: none
};

// What the supervisor tells, and asks. Loop thread; possibly from within a call of the supervisor.
class SupervisorEvents {
 public:
  virtual ~SupervisorEvents() = default;
  // Before every start of a controller: a new epoch that is durable, and a launch file that carries it. `ready` runs
  // later.
  virtual void prepare_controller(const ExecutionId& id, std::function<void(Result<std::uint64_t>)> ready) = 0;
  virtual void process_started(const ProcessRow& process) = 0;
  virtual void process_gone(const ProcessRow& process, const ProcessExit& exit, bool expected) = 0;
  virtual void controller_restarts(const ExecutionId& id, const std::string& reason) = 0;
  // No controller can be started for an obstacle of the machine (Error::obstacle), or because another process holds the
  // ledger; it is tried again and again.
  virtual void controller_waits(const ExecutionId& id, const std::string& reason) = 0;
  // No worker can be started for an obstacle of the machine; it is tried again and again. "": they can again.
  virtual void workers_wait(const ExecutionId& id, const std::string& reason) = 0;
  virtual void gave_up(const ExecutionId& id, const std::string& reason) = 0;
  // A released group has no process left.
  virtual void group_gone(const ExecutionId& id) = 0;
};

class Supervisor {
 public:
  Supervisor(Loop& loop, Launcher& launcher, SupervisorEvents& events);
  ~Supervisor();  // leaves the processes alone

  // Controller and workers at the same time.
  void start(const GroupSpec& spec, std::int64_t workers);
  // After a restart of the master: processes that may still live. Starts no controller: see restart_controller.
  void adopt(const GroupSpec& spec, const std::vector<ProcessRow>& known, std::int64_t workers);
  // A controller that said hello without being known here (the former master died between starting and noting it).
  void adopt_controller(const ExecutionId& id, const ProcessIdentity& process, std::uint64_t epoch);

  // How many workers should live. More: started at once. Fewer: nobody is replaced; who leaves is the controller's
  // choice.
  void set_workers(const ExecutionId& id, std::int64_t wanted);
  // SIGKILL; a new one starts when it is gone. If none lives and none is about to start, one starts now.
  void restart_controller(const ExecutionId& id, const std::string& why);
  // SIGKILL, if it is a worker of this execution.
  void kill_worker(const ExecutionId& id, std::int64_t pid, const std::string& why);
  // SIGKILL to exactly this process: a controller that says itself that it is of an old epoch.
  void kill_stranger(const ProcessIdentity& process);
  // The execution has ended: nothing is started again, and what has not left after `grace` is killed.
  void release(const ExecutionId& id, Duration grace);

  bool has_group(const ExecutionId& id) const { return groups_.contains(id); }
  bool has_controller(const ExecutionId& id) const;
  using ControllerOf = std::pair<JobId, ExecutionId>;
  // Whose controllers live, or are about to.
  std::set<ControllerOf> controllers() const;
  std::int64_t live_workers(const ExecutionId& id) const;
  std::int64_t lingering_workers() const;     // of released groups
  std::vector<ProcessRow> processes() const;  // by ordinal
  // Rises with every change of processes().
  std::uint64_t revision() const { return revision_; }

 private:
  struct Child;
  struct Group;
  using ChildPtr = std::unique_ptr<Child>;

  Group* find(const ExecutionId& id) const;
  Group& new_group(const GroupSpec& spec, std::int64_t workers);
  Child& add_child(Group& group, ProcessRow row);
  void watch(const ExecutionId& id, Child& child);
  void prepare_controller(Group& group);
  void controller_is_prepared(const ExecutionId& id, const Result<std::uint64_t>& epoch);
  void start_controller(Group& group, std::uint64_t epoch);
  void controller_is_started(const ExecutionId& id, std::uint64_t epoch, const Result<ProcessIdentity>& process);
  // It died, or could not be started.
  void controller_failed(Group& group, std::optional<Duration> life, const std::string& cause);
  void controller_obstructed(Group& group, Duration life, const std::string& cause);
  void controller_waits(Group& group, Duration life, const std::string& reason);
  void prepare_controller_after(Group& group, Duration delay);
  void fill_workers(Group& group);
  void start_worker(Group& group);
  void worker_is_started(ProcessRow row, const Result<ProcessIdentity>& process);
  void worker_failed(Group& group, Duration life, Duration least_delay);
  void worker_obstructed(Group& group, Duration life, const std::string& cause);
  void workers_go_on(Group& group);
  void look_for_settled_worker(Group& group, std::int64_t place, std::int64_t ordinal);
  void fill_workers_after(Group& group, Duration delay);
  std::int64_t free_place(const Group& group) const;
  void on_exit(const ExecutionId& id, Child* child, const ProcessExit& exit);
  void kill_child(Child& child, const std::string& why);
  void kill_if_late(Child& child);
  // Of a released group.
  void kill_rest_after(Group& group, Duration grace);
  void drop_if_gone(Group& group);
  // Runs the task later unless the supervisor or the group is gone by then.
  Loop::TimerId later(Group& group, Duration delay, std::function<void(Group&)> task);

  Loop& loop_;
  Launcher& launcher_;
  SupervisorEvents& events_;
  std::map<ExecutionId, std::unique_ptr<Group>> groups_;
  std::uint64_t revision_ = 1;
  std::int64_t next_ordinal_ = 3;  // 1 and 2 are the master itself
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
