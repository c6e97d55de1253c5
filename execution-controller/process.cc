// The process body of `slicemill execution-controller`.
#include <filesystem>

#include <fmt/core.h>

#include "core/runtime/asio_loop.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/wire/zmq_channel.h"
#include "execution-controller/controller.h"

namespace slicemill::controller {
namespace {

enum : int { kOk = 0, kCannotStart = 3, kStorage = 4 };

// A ledger that is held or fenced, or a disk that fails, may be better at the next start. Anything else will not.
bool worth_another_start(const Error& error) {
  return error.code == ErrorCode::conflict || error.code == ErrorCode::io || error.code == ErrorCode::no_space;
}

// The execution never began, so the reason goes to the master alone.
int tell_failure(AsioLoop& loop, ClientChannel& master, const ControllerLaunch& launch, const Error& error) {
  ProcessIdentity process;
  if (auto own = own_process()) process = *own;
  MasterLink link(loop, master, launch.ex_id, launch.epoch, process, launch.settings,
                  {.on_verb = [](const wire::Verb&) {},
                   .on_query = [](const wire::Query&) {},
                   .on_worker_exit = [](std::int64_t, const std::string&) {},
                   .report =
                       [] {
                         return StatusReport{"initializing", "", "{}"};
                       }});
  link.start();
  link.finish({"failed", error.message, "{}"}, [&loop] { loop.stop(); });
  loop.run();
  return kOk;
}

}  // namespace

int run_execution_controller(const ControllerLaunch& launch) {
  set_fault_process("controller");
  const auto started = start_logging({.path = launch.log_path, .process = "controller"});
  if (!started) {
    fmt::print(stderr, "slicemill: {}\n", started.error().message);
    return kCannotStart;
  }
  if (auto passed = fault("launched"); !passed) return kCannotStart;
  AsioLoop loop;
  auto workers = bind_zmq_channel(loop, launch.controller_endpoint);
  auto master = connect_zmq_channel(loop, launch.master_endpoint);
  if (!workers || !master) {
    log(LogLevel::error, "{}", (workers ? master.error() : workers.error()).message);
    return kCannotStart;
  }
  const auto monitor = make_process_monitor(loop);
  auto controller = Controller::open(
      {.loop = loop, .workers = **workers, .master = master->get(), .monitor = monitor.get(), .files = posix_files()},
      launch);
  if (!controller) {
    log(LogLevel::error, "cannot open execution {}: {}", launch.ex_id, controller.error().message);
    if (worth_another_start(controller.error()))
      return controller.error().code == ErrorCode::conflict ? kCannotStart : kStorage;
    return tell_failure(loop, **master, launch, controller.error());
  }
  int code = kOk;
  loop.on_signals([&loop](int) { loop.stop(); });  // all that counts is durable; the next start goes on from it
  (*controller)->start([&](const ControllerOutcome& outcome) {
    if (outcome.ledger_error) code = kStorage;
    loop.stop();
  });
  loop.run();
  controller->reset();
  return code;
}

}  // namespace slicemill::controller
