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
#include "core/runtime/result.h"
#include "master/processes/controller_starts.h"
#include "master/processes/launcher.h"
#include "master/processes/process_groups.h"
#include "master/processes/worker_starts.h"
#include "master/registry/registry.h"

namespace slicemill::master {

class Supervisor {
 public:
  Supervisor(Loop& loop, Launcher& launcher, SupervisorEvents& events);

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

  bool has_group(const ExecutionId& id) const { return groups_.find(id) != nullptr; }
  bool has_controller(const ExecutionId& id) const;
  using ControllerOf = std::pair<JobId, ExecutionId>;
  // Whose controllers live, or are about to.
  std::set<ControllerOf> controllers() const;
  std::int64_t live_workers(const ExecutionId& id) const;
  std::int64_t lingering_workers() const;     // of released groups
  std::vector<ProcessRow> processes() const;  // by ordinal
  // Rises with every change of processes().
  std::uint64_t revision() const { return groups_.revision(); }

 private:
  void on_exit(const ExecutionId& id, ProcessChild* child, const ProcessExit& exit);
  // Of a released group.
  void kill_rest_after(ProcessGroup& group, Duration grace);

  ProcessGroups groups_;
  WorkerStarts worker_starts_;
  ControllerStarts controller_starts_;
};

}  // namespace slicemill::master
