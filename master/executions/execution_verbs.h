// Pause, resume, stop, workers, log level: what each verb means in each status, and when its caller is answered.
//
// A verb is judged here, carried out by the controller (which syncs the wanted state in its ledger), and answered when
// the controller has answered and the registry has the mirrored status. That status is judged again: an execution that
// began to stop, or ended, while the verb was under way is refused with the status that it has. All verbs are
// idempotent; none waits for ever (I8). Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/model/commands.h"
#include "master/executions/executions.h"

namespace slicemill::master {

class ExecutionVerbs {
 public:
  ExecutionVerbs(Loop& loop, Registry& registry, Executions& executions);

  // not_found once it has ended; conflict while it does not run yet, or stops already, or if something else than the
  // verb decided what it is when the verb was through (a stop, an obstacle that goes on).
  void pause(const ExecutionId& id, Reply<ExecutionStatus> reply);
  void resume(const ExecutionId& id, Reply<ExecutionStatus> reply);
  // Ended executions answer with the status that they have.
  void stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply);
  void change_workers(const ExecutionId& id, WorkerChange change, std::int64_t count, Reply<WorkersAnswer> reply);
  void set_log_level(const ExecutionId& id, const std::string& level, Reply<ExecutionId> reply);

 private:
  template <typename T>
  bool refuses(const Reply<T>& reply) const;
  void begin_stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply);
  void forward(const ExecutionId& id, wire::VerbName verb, ExecutionStatus expected, Reply<ExecutionStatus> reply);
  void mirrored(const ExecutionId& id, wire::VerbName verb, ExecutionStatus expected,
                const Result<wire::Answer>& answer, const Reply<ExecutionStatus>& reply);
  Error not_available(const ExecutionId& id, wire::VerbName verb, ExecutionStatus status) const;
  void stop_ended(const ExecutionId& id, const Reply<StopAnswer>& reply);
  void send_stop(const ExecutionId& id, const StopRequest& request, const Reply<StopAnswer>& reply);
  void remove_workers(LiveExecution& live, std::int64_t count, Reply<WorkersAnswer> reply);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
};

}  // namespace slicemill::master
