// WHAT IS ASKED OF AN EXECUTION. Pause, resume and stop of a user, the end of this process's part, and the end of what
// cannot go on: judged by the table of phases, made durable, then answered. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"
#include "core/model/launch.h"
#include "core/runtime/result.h"
#include "execution-controller/controller_parts.h"
#include "execution-controller/drain_deadline.h"
#include "execution-controller/execution_lifecycle.h"
#include "execution-controller/obstacle.h"
#include "execution-controller/probation.h"
#include "execution-controller/slice_flow.h"

namespace slicemill::controller {

class ControlVerbs {
 public:
  // Called when the wish is durable and takes effect (I8).
  using Done = std::function<void(Result<ExecutionStatus>)>;
  // What the verbs act on; everything outlives them.
  struct Subjects {
    const ControllerParts& parts;
    const ControllerLaunch& launch;
    ExecutionLifecycle& lifecycle;
    SliceFlow& flow;
    Obstacle& obstacle;
    Probation& probation;
  };
  struct Hooks {
    std::function<ExecutionStatus()> status;
    std::function<void()> on_change;          // something is to be done, and to be reported
    std::function<void()> on_ledger_missing;  // it was removed from outside
  };

  ControlVerbs(const Subjects& subjects, Hooks hooks);

  // Idempotent.
  void pause(Done done);
  void resume(Done done);
  void stop(std::int64_t deadline_ms, Done done);
  // Drains and ends this process's part without an outcome: the ledger can be resumed as if the process had died.
  void suspend(std::int64_t deadline_ms);
  // It cannot go on. What it has done stays done; what is open stays open, for a recovery.
  void give_up(const std::string& reason);
  // Of an execution whose ledger says that a user wants it to end.
  void drain();

  bool past_deadline() const { return deadline_.passed(); }
  // "" unless it cannot go on.
  const std::string& fatal_reason() const { return fatal_reason_; }

 private:
  using Event = LifecycleEvent;

  Error refusal(std::string_view what) const;  // a user asked for what means nothing now
  void set_wanted(WantedState wanted, std::function<void()> then);
  void begin_drain(std::int64_t deadline_ms);
  void on_deadline();

  const Subjects subjects_;
  const Hooks hooks_;
  DrainDeadline deadline_;
  std::string fatal_reason_;
};

}  // namespace slicemill::controller
