#include "execution-controller/obstacle.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/clock.h"
#include "core/runtime/log.h"

namespace slicemill::controller {

Obstacle::Obstacle(Loop& loop, Hooks hooks) : loop_(loop), hooks_(std::move(hooks)) {}

void Obstacle::raise(std::string_view where, const Error& error) {
  where_ = where;
  message_ = error.message;
  if (up_) return;
  up_ = true;
  tries_ = 0;
  since_ms_ = loop_.wall_ms();
  if (loop_.now() - cleared_at_ > std::chrono::milliseconds(kSettledMs)) doublings_ = 0;
  log(LogLevel::warn, "waiting: {}", reason());
  wait();
  hooks_.on_raised();
}

// Half of it is fixed, half is drawn: executions on one disk do not come back together.
std::int64_t Obstacle::next_wait_ms() {
  const std::int64_t full = std::min(kFirstWaitMs << std::min<std::uint32_t>(doublings_++, 16), kLongestWaitMs);
  return full / 2 + static_cast<std::int64_t>(loop_.random() % static_cast<std::uint64_t>(full / 2 + 1));
}

void Obstacle::wait() {
  timer_ = loop_.after(std::chrono::milliseconds(next_wait_ms()), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    timer_ = 0;
    probe();
  });
}

void Obstacle::probe() {
  if (!up_ || probing_) return;
  probing_ = true;
  ++tries_;
  hooks_.probe([this, alive = std::weak_ptr<bool>(alive_)](const Result<void>& passed) {
    if (!alive.expired()) probed(passed);
  });
}

void Obstacle::probed(const Result<void>& passed) {
  probing_ = false;
  if (passed) {
    up_ = false;
    cleared_at_ = loop_.now();
    log(LogLevel::info, "going on after {} ms: the obstacle is gone ({})", loop_.wall_ms() - since_ms_, message_);
  } else {
    message_ = passed.error().message;
    wait();
  }
  const std::weak_ptr<bool> alive = alive_;
  const auto waiters = std::exchange(waiters_, {});
  if (passed) hooks_.on_cleared();
  for (const auto& then : waiters) {
    if (alive.expired()) return;
    then();
  }
}

void Obstacle::retry_now(std::function<void()> then) {
  if (!up_) {
    then();
    return;
  }
  waiters_.push_back(std::move(then));
  loop_.cancel(std::exchange(timer_, 0));
  probe();
}

std::string Obstacle::reason() const {
  return up_ ? fmt::format("obstacle: {}: {}", where_, message_) : std::string();
}

std::optional<ObstacleView> Obstacle::view() const {
  if (!up_) return std::nullopt;
  return ObstacleView{where_, message_, since_ms_, tries_};
}

}  // namespace slicemill::controller
