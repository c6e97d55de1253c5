// The process body of `slicemill execution-controller`.
#include <fmt/core.h>

#include "core/runtime/asio_loop.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/wire/zmq_channel.h"
#include "execution-controller/execution_process.h"

namespace slicemill::controller {

int run_execution_controller(const ControllerLaunch& launch) {
  set_fault_process("controller");
  const auto started = start_logging({.path = launch.log_path, .process = "controller"});
  if (!started) {
    fmt::print(stderr, "slicemill: {}\n", started.error().message);
    return cannot_start_code(started.error());
  }
  if (auto passed = fault("launched"); !passed) return cannot_start_code(passed.error());
  AsioLoop loop;
  const auto workers = bind_zmq_channel(loop, launch.controller_endpoint);
  const auto master = connect_zmq_channel(loop, launch.master_endpoint);
  if (!workers || !master) {
    const Error& error = workers ? master.error() : workers.error();
    log(LogLevel::error, "{}", error.message);
    return cannot_start_code(error);
  }
  const auto monitor = make_process_monitor(loop);
  int code = 0;
  ExecutionProcess process(
      {.loop = loop, .workers = **workers, .master = master->get(), .monitor = monitor.get(), .files = posix_files()},
      launch, [&](int end) {
        code = end;
        loop.stop();
      });
  loop.on_signals([&loop](int) { loop.stop(); });  // all that counts is durable; the next start goes on from it
  process.start();
  loop.run();
  return code;
}

}  // namespace slicemill::controller
