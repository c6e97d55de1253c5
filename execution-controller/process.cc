// The process body of `slicemill execution-controller`.
#include <filesystem>
#include <optional>

#include <fmt/core.h>

#include "core/runtime/asio_loop.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/wire/zmq_channel.h"
#include "execution-controller/controller.h"
#include "execution-controller/ledger_wait.h"

namespace slicemill::controller {
namespace {

enum : int { kOk = 0, kCannotStart = 3, kStorage = 4 };

// A ledger that is held or fenced, or a disk that fails, may be better at the next start. Anything else will not.
bool worth_another_start(const Error& error) {
  return error.code == ErrorCode::conflict || error.code == ErrorCode::io || error.code == ErrorCode::no_space;
}

int cannot_start(const Error& error) {
  return error.obstacle ? kObstructedExit : kCannotStart;
}

class ControllerProcess {
 public:
  explicit ControllerProcess(const ControllerLaunch& launch) : launch_(launch) {}

  int run() {
    auto workers = bind_zmq_channel(loop_, launch_.controller_endpoint);
    auto master = connect_zmq_channel(loop_, launch_.master_endpoint);
    if (!workers || !master) {
      const Error& error = workers ? master.error() : workers.error();
      log(LogLevel::error, "{}", error.message);
      return cannot_start(error);
    }
    workers_ = std::move(*workers);
    master_ = std::move(*master);
    loop_.on_signals([this](int) { loop_.stop(); });  // all that counts is durable; the next start goes on from it
    if (!begin()) return code_;
    loop_.run();
    wait_.reset();
    controller_.reset();
    return code_;
  }

 private:
  // False: nothing is to be waited for.
  bool begin() {
    auto opened = Controller::open({.loop = loop_,
                                    .workers = *workers_,
                                    .master = master_.get(),
                                    .monitor = monitor_.get(),
                                    .files = posix_files()},
                                   launch_);
    if (!opened) return cannot_open(opened.error());
    controller_ = std::move(*opened);
    controller_->start([this](const ControllerOutcome& outcome) { ended(outcome); });
    return true;
  }

  bool cannot_open(const Error& error) {
    log(LogLevel::error, "cannot open execution {}: {}", launch_.ex_id, error.message);
    if (error.obstacle) {
      workers_->on_frame([this](ServerChannel::Peer peer, std::string_view) { workers_->drop(peer); });
      wait_for_ledger(error);
      return true;
    }
    if (worth_another_start(error)) {
      code_ = error.code == ErrorCode::conflict ? kCannotStart : kStorage;
      return false;
    }
    tell_failure(error);
    return true;
  }

  void ended(const ControllerOutcome& outcome) {
    if (outcome.ledger_error && outcome.ledger_error->obstacle) {
      // Later: this is called from within the controller. It stays for its workers: they keep their results, since
      // nothing is acknowledged any more, and hand them to the next controller.
      loop_.post([this, error = *outcome.ledger_error] {
        controller_->leave_master();
        wait_for_ledger(error);
      });
      return;
    }
    if (outcome.ledger_error) code_ = kStorage;
    loop_.stop();
  }

  void wait_for_ledger(const Error& error) {
    wait_.emplace(loop_, *master_, launch_, posix_files(), error, [this] {
      code_ = kObstructedExit;
      loop_.stop();
    });
  }

  // The execution never began, so the reason goes to the master alone.
  void tell_failure(const Error& error) {
    ProcessIdentity process;
    if (auto own = own_process()) process = *own;
    farewell_.emplace(loop_, *master_, launch_.ex_id, launch_.epoch, process, launch_.settings,
                      MasterLink::Hooks{.on_verb = [](const wire::Verb&) {},
                                        .on_query = [](const wire::Query&) {},
                                        .on_worker_exit = [](std::int64_t, const std::string&) {},
                                        .report =
                                            [] {
                                              return StatusReport{"initializing", "", "{}"};
                                            }});
    farewell_->start();
    farewell_->finish({"failed", error.message, "{}"}, [this] { loop_.stop(); });
  }

  const ControllerLaunch& launch_;
  AsioLoop loop_;
  std::unique_ptr<ServerChannel> workers_;
  std::unique_ptr<ClientChannel> master_;
  std::unique_ptr<ProcessMonitor> monitor_ = make_process_monitor(loop_);
  std::unique_ptr<Controller> controller_;
  std::optional<LedgerWait> wait_;      // for a ledger that cannot be used now
  std::optional<MasterLink> farewell_;  // of an execution that cannot begin
  int code_ = kOk;
};

}  // namespace

int run_execution_controller(const ControllerLaunch& launch) {
  set_fault_process("controller");
  const auto started = start_logging({.path = launch.log_path, .process = "controller"});
  if (!started) {
    fmt::print(stderr, "slicemill: {}\n", started.error().message);
    return cannot_start(started.error());
  }
  if (auto passed = fault("launched"); !passed) return kCannotStart;
  return ControllerProcess(launch).run();
}

}  // namespace slicemill::controller
