#include "execution-controller/execution_process.h"

#include <utility>

#include "core/runtime/log.h"

namespace slicemill::controller {
namespace {

enum : int { kOk = 0, kCannotStart = 3, kStorage = 4 };

// A disk that fails may be better at the next start. What is wrong with the ledger or the job will not.
bool worth_another_start(const Error& error) {
  return error.code == ErrorCode::io || error.code == ErrorCode::no_space;
}

}  // namespace

int cannot_start_code(const Error& error) {
  return error.obstacle ? kObstructedExit : kCannotStart;
}

ExecutionProcess::ExecutionProcess(const Controller::Parts& parts, const ControllerLaunch& launch,
                                   std::function<void(int)> on_end)
    : parts_(parts), launch_(launch), on_end_(std::move(on_end)) {}

void ExecutionProcess::start() {
  auto opened = Controller::open(parts_, launch_);
  if (!opened) {
    cannot_open(opened.error());
    return;
  }
  controller_ = std::move(*opened);
  controller_->start([this](const ControllerOutcome& outcome) { ended(outcome); });
}

void ExecutionProcess::cannot_open(const Error& error) {
  log(LogLevel::error, "cannot open execution {}: {}", launch_.ex_id, error.message);
  reason_ = error.message;
  if (error.obstacle) {
    wait_for_ledger(error);
  } else if (error.code == ErrorCode::conflict) {
    on_end_(kLedgerHeldExit);
  } else if (worth_another_start(error)) {
    on_end_(kStorage);
  } else {
    tell_failure(error);
  }
}

void ExecutionProcess::ended(const ControllerOutcome& outcome) {
  if (outcome.ledger_error) reason_ = outcome.ledger_error->message;
  if (!outcome.ledger_error || !outcome.ledger_error->obstacle) {
    on_end_(outcome.ledger_error ? kStorage : kOk);
    return;
  }
  // Later: this is called from within the controller. It stays for its workers: they keep their results, since nothing
  // is acknowledged any more, and hand them to the next controller.
  parts_.loop.post([this, error = *outcome.ledger_error, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    controller_->leave_master();
    wait_for_ledger(error);
  });
}

void ExecutionProcess::wait_for_ledger(const Error& error) {
  wait_.emplace(parts_.loop, *parts_.master, launch_, parts_.files, error, [this] { on_end_(kObstructedExit); });
}

// The execution never began, so the reason goes to the master alone.
void ExecutionProcess::tell_failure(const Error& error) {
  farewell_.emplace(parts_.loop, *parts_.master, launch_.ex_id, launch_.epoch, identity_of(parts_), launch_.settings,
                    MasterLink::Hooks{.on_verb = [](const wire::Verb&) {},
                                      .on_query = [](const wire::Query&) {},
                                      .on_worker_exit = [](std::int64_t, const std::string&) {},
                                      .on_wanted = [](const wire::Wanted&) {},
                                      .on_ledger_noted = [] {},
                                      .report = [] { return StatusReport{.status = "initializing"}; }});
  farewell_->start();
  farewell_->finish({.status = "failed", .reason = error.message}, [this] { on_end_(kOk); });
}

}  // namespace slicemill::controller
