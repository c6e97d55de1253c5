// What a controller process does once it has a loop and channels: it opens its execution and serves it to the end,
// waits where the ledger cannot be used now, and tells the master where the execution cannot begin. Loop thread.
//
// Bodies around it: the process (process.cc), and a simulated one in tests/simulation.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "execution-controller/controller.h"
#include "execution-controller/ledger_wait.h"

namespace slicemill::controller {

class ExecutionProcess {
 public:
  // parts.master and parts.monitor are set. launch outlives it. on_end(exit code): once, possibly from within start().
  ExecutionProcess(const Controller::Parts& parts, const ControllerLaunch& launch, std::function<void(int)> on_end);

  void start();
  // Why on_end was called with a code that is not 0; "" if nothing is known.
  const std::string& reason() const { return reason_; }

 private:
  void cannot_open(const Error& error);
  void ended(const ControllerOutcome& outcome);
  void wait_for_ledger(const Error& error);
  void tell_failure(const Error& error);

  Controller::Parts parts_;
  const ControllerLaunch& launch_;
  std::function<void(int)> on_end_;
  std::string reason_;
  std::unique_ptr<Controller> controller_;
  std::optional<LedgerWait> wait_;      // for a ledger that cannot be used now
  std::optional<MasterLink> farewell_;  // of an execution that cannot begin
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Before there is a loop: the code of a process that cannot begin.
int cannot_start_code(const Error& error);

}  // namespace slicemill::controller
