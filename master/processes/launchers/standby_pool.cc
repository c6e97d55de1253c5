#include "master/processes/launchers/standby_pool.h"

#include <chrono>
#include <utility>

#include "core/runtime/log.h"

namespace slicemill::master {

namespace {
constexpr Duration kFillDelay = std::chrono::milliseconds(25);  // a small execution is running by then
}

StandbyPool::StandbyPool(AsioLoop& loop, std::string program,
                         std::vector<std::pair<std::string, std::string>> environment, int count)
    : loop_(loop),
      program_(std::move(program)),
      environment_(std::move(environment)),
      count_(static_cast<std::size_t>(count)) {
  fill_later();
}

StandbyPool::~StandbyPool() {
  loop_.cancel(timer_);
}

std::optional<ProcessIdentity> StandbyPool::take(const ProcessSpec& spec) {
  fill_later();
  if (spec.environment != environment_) return std::nullopt;
  while (!standbys_.empty()) {
    const Standby standby = std::move(standbys_.back());
    standbys_.pop_back();
    if (standby.process->give_order(spec)) return standby.process->identity();
  }
  return std::nullopt;
}

void StandbyPool::fill_later() {
  if (count_ == 0 || timer_ != 0) return;
  timer_ = loop_.after(kFillDelay, [this] {
    timer_ = 0;
    fill();
  });
}

void StandbyPool::fill() {
  if (filling_ || standbys_.size() >= count_) return;
  filling_ = true;
  auto result = std::make_shared<Result<std::unique_ptr<StandbyProcess>>>(Error(ErrorCode::internal, "not started"));
  loop_.offload(
      Loop::Executor::spawn,
      [program = program_, environment = environment_, result] {
        *result = StandbyProcess::start(program, environment);
      },
      [this, alive = std::weak_ptr<bool>(alive_), result] {
        if (alive.expired()) return;  // the process ends with its pipe
        filling_ = false;
        if (*result) {
          add(std::move(**result));
          fill();
        } else {  // whoever needs one will be told why it cannot be started
          log(LogLevel::debug, "no standby process: {}", result->error().message);
        }
      });
}

void StandbyPool::add(std::unique_ptr<StandbyProcess> process) {
  const ProcessIdentity identity = process->identity();
  auto watch = watch_process(loop_, identity, [this, identity](const ProcessExit&) {
    std::erase_if(standbys_, [&](const Standby& one) { return one.process->identity() == identity; });
  });
  standbys_.push_back({std::move(process), std::move(watch)});
}

}  // namespace slicemill::master
