// The processes of executions: a group is one controller and its workers. What the parts of the supervisor share. Loop
// thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/runtime/ids.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/runtime/result.h"
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
  std::int64_t worker_memory_limit = 0;    // bytes; 0: none
  double worker_cpu_limit = 0;             // processors; 0: none
  std::vector<std::string> connections{};  // that its job names
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

inline constexpr RestartPolicy::Options kControllerRestarts{
    std::chrono::seconds(60), true, std::chrono::milliseconds(100), std::chrono::seconds(5), 10};
// After an obstacle, which is no failed start: for ever, but not in a hot circle.
inline constexpr RestartPolicy::Options kObstructedRestarts{std::chrono::seconds(10), true,
                                                            std::chrono::milliseconds(100), std::chrono::seconds(5), 0};
inline constexpr RestartPolicy::Options kWorkerRestarts{std::chrono::seconds(1), false, std::chrono::milliseconds(100),
                                                        std::chrono::seconds(5), 0};

struct ProcessChild {
  ProcessRow row;
  SteadyTime started;
  bool killed = false;  // by us
  std::string why;      // killed for this
  std::unique_ptr<ProcessWatch> watch;
};

struct ProcessGroup {
  GroupSpec spec;
  std::unique_ptr<ProcessChild> controller;
  std::map<std::int64_t, std::unique_ptr<ProcessChild>> workers;  // by place
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

class ProcessGroups {
 public:
  using OnExit = std::function<void(const ExecutionId& id, ProcessChild* child, const ProcessExit& exit)>;
  ProcessGroups(Loop& loop, Launcher& launcher, SupervisorEvents& events, OnExit on_exit);
  ~ProcessGroups();  // leaves the processes alone
  ProcessGroups(const ProcessGroups&) = delete;
  ProcessGroups& operator=(const ProcessGroups&) = delete;

  Loop& loop() const { return loop_; }
  Launcher& launcher() const { return launcher_; }
  SupervisorEvents& events() const { return events_; }

  ProcessGroup* find(const ExecutionId& id) const;
  const std::map<ExecutionId, std::unique_ptr<ProcessGroup>>& all() const { return groups_; }
  // Made anew, or the present one with other needs.
  ProcessGroup& put(const GroupSpec& spec, std::int64_t workers);
  // A released group without a process, of which none begins, is forgotten, and that is told.
  void drop_if_gone(ProcessGroup& group);

  // A process of an earlier master had this number: it is not given again.
  void note_ordinal(std::int64_t ordinal) { next_ordinal_ = std::max(next_ordinal_, ordinal + 1); }
  ProcessChild& add_child(ProcessGroup& group, ProcessRow row);
  // A process of this group that began just now; that is told.
  ProcessChild& add_started(ProcessGroup& group, ProcessRow row);
  void remove_child(ProcessGroup& group, const ProcessRow& row);
  void watch(const ExecutionId& id, ProcessChild& child);
  // SIGKILL.
  void kill_child(ProcessChild& child, const std::string& why);

  // Runs the task later unless the group is gone by then.
  Loop::TimerId later(ProcessGroup& group, Duration delay, std::function<void(ProcessGroup&)> task);
  // Rises with every change of processes.
  std::uint64_t revision() const { return revision_; }

 private:
  Loop& loop_;
  Launcher& launcher_;
  SupervisorEvents& events_;
  OnExit on_exit_;
  std::map<ExecutionId, std::unique_ptr<ProcessGroup>> groups_;
  std::uint64_t revision_ = 1;
  std::int64_t next_ordinal_ = 3;  // 1 and 2 are the master itself
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
