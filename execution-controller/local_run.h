// `slicemill run`: the same controller and worker code in one process over the in-memory channel, no server.
//
// The workers come from the caller, since this folder does not know them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "core/model/launch.h"
#include "core/runtime/asio_loop.h"
#include "core/wire/channel.h"
#include "execution-controller/controller.h"

namespace slicemill::controller {

struct LocalRunOptions {
  ControllerLaunch launch;  // epoch 0: the ledger issues the next one itself
  std::uint32_t workers = 1;
  // Makes one worker on this loop over this channel; it lives until it is destroyed.
  std::function<Result<std::shared_ptr<void>>(AsioLoop&, std::unique_ptr<ClientChannel>)> make_worker;
  std::function<void(const StatusReport&)> on_progress;
  std::chrono::milliseconds progress_every{500};
  std::function<void()> on_leaving;                   // a signal came
  std::function<void(const std::string&)> on_notice;  // what was left out of the input, and what waits
};

// Runs to the end. SIGINT and SIGTERM make it leave: slices in flight finish, at most for shutdown_timeout_ms; what is
// answered then is `stopped`, but the ledger gets no outcome, so that the same execution can go on later. A SIGINT
// after that ends the process at once with 130, and so does any signal once the execution is over. An obstacle (full
// disk, ...) makes it leave in the same way.
Result<ControllerOutcome> run_locally(LocalRunOptions options);

}  // namespace slicemill::controller
