// The time in which an execution cannot use its ledger for an obstacle (full disk, ...): nothing is decided, `paused`
// is reported with the reason, and the ledger's place is tried out with growing waits. Loop thread; files are touched
// on the query executor.
//
// When the obstacle is gone the process ends, and the master starts the next controller under a new epoch: that one
// reads what is durable, as after any crash. So there is one way only to come back to a ledger, and it is the proven
// one. Verbs that were not answered are told again to that controller.
#pragma once

#include <functional>
#include <string>

#include "core/model/launch.h"
#include "core/runtime/files.h"
#include "core/runtime/loop.h"
#include "core/wire/channel.h"
#include "execution-controller/execution_lifecycle.h"
#include "execution-controller/obstacle.h"
#include "execution-controller/reporting/master_link.h"

namespace slicemill::controller {

class LedgerWait {
 public:
  // on_cleared: once.
  LedgerWait(Loop& loop, ClientChannel& master, const ControllerLaunch& launch, Files& files, const Error& error,
             std::function<void()> on_cleared);

 private:
  void probe(const Obstacle::Answer& answer);
  StatusReport report() const;
  void on_verb(const wire::Verb& verb);
  void on_query(const wire::Query& query);
  void refuse(std::uint64_t request_id);

  Loop& loop_;
  const ControllerLaunch& launch_;
  Files& files_;
  ExecutionLifecycle lifecycle_{WantedState::running};  // as long as it waits
  wire::Wanted wanted_;                                 // no worker is here that would have to obey
  Obstacle obstacle_;
  MasterLink link_;
};

}  // namespace slicemill::controller
