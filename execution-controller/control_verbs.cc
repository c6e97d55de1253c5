#include "execution-controller/control_verbs.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/fault.h"
#include "core/runtime/log.h"

namespace slicemill::controller {
namespace {

constexpr std::int64_t kFatalDrainMs = 2'000;  // in-flight slices of an execution that cannot go on

ErrorCode code_of_refusal(ExecutionStatus status) {
  return is_terminal(status) ? ErrorCode::not_found : ErrorCode::conflict;
}

}  // namespace

ControlVerbs::ControlVerbs(const Subjects& subjects, Hooks hooks)
    : subjects_(subjects), hooks_(std::move(hooks)), deadline_(subjects.parts.loop, [this] { on_deadline(); }) {}

Error ControlVerbs::refusal(std::string_view what) const {
  return {code_of_refusal(hooks_.status()),
          fmt::format("execution {} is {} and cannot be {}", subjects_.launch.ex_id, to_string(hooks_.status()), what)};
}

void ControlVerbs::set_wanted(WantedState wanted, std::function<void()> then) {
  subjects_.flow.writer().batch().wanted = wanted;
  subjects_.flow.writer().after_sync(std::move(then));
}

void ControlVerbs::pause(Done done) {
  if (!subjects_.lifecycle.take(Event::pause)) {
    done(refusal("paused"));
    return;
  }
  subjects_.flow.hold();
  set_wanted(WantedState::paused, [this, done = std::move(done)] {
    if (auto passed = fault("paused"); !passed) {
      done(passed.error());
      return;
    }
    hooks_.on_change();
    done(hooks_.status());
  });
}

void ControlVerbs::resume(Done done) {
  if (!subjects_.lifecycle.may(Event::resume)) {
    done(refusal("resumed"));
    return;
  }
  if (!subjects_.parts.ledgers.exists(subjects_.launch.ledger_directory)) {
    done(lost_ledger(subjects_.launch.ex_id, subjects_.launch.ledger_directory));
    hooks_.on_ledger_missing();
    return;
  }
  // Clients wait for `running` after a resume. The next slice that fails makes it `failing` again.
  if (hooks_.status() == ExecutionStatus::paused) subjects_.probation.end();
  subjects_.lifecycle.take(Event::resume);
  set_wanted(WantedState::running, [this, done = std::move(done)] {
    hooks_.on_change();
    subjects_.obstacle.retry_now([this, done] { done(hooks_.status()); });
  });
}

void ControlVerbs::stop(std::int64_t deadline_ms, Done done) {
  subjects_.lifecycle.take(Event::stop);
  if (!subjects_.lifecycle.drains()) {  // it ends already
    done(hooks_.status());
    return;
  }
  begin_drain(deadline_ms);
  set_wanted(WantedState::stopping, [this, done = std::move(done)] {
    if (auto passed = fault("stopping"); !passed) {
      done(passed.error());
      return;
    }
    hooks_.on_change();
    done(hooks_.status());
  });
}

void ControlVerbs::suspend(std::int64_t deadline_ms) {
  if (!subjects_.lifecycle.take(Event::suspend)) return;
  begin_drain(deadline_ms);
  hooks_.on_change();
}

void ControlVerbs::begin_drain(std::int64_t deadline_ms) {
  subjects_.flow.drain();
  deadline_.set(deadline_ms);
}

void ControlVerbs::on_deadline() {
  if (!subjects_.lifecycle.drains()) return;
  subjects_.flow.break_off();
  hooks_.on_change();
}

void ControlVerbs::give_up(const std::string& reason) {
  if (!subjects_.lifecycle.take(Event::fatal)) return;
  log(LogLevel::error, "{}", reason);
  fatal_reason_ = reason;
  begin_drain(std::min(kFatalDrainMs, subjects_.launch.settings.shutdown_timeout_ms));
  hooks_.on_change();
}

void ControlVerbs::drain() {
  begin_drain(subjects_.launch.settings.shutdown_timeout_ms);
}

}  // namespace slicemill::controller
