// Until when a drain waits for what runs. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "core/runtime/loop.h"

namespace slicemill::controller {

class DrainDeadline {
 public:
  // on_passed: once.
  DrainDeadline(Loop& loop, std::function<void()> on_passed) : loop_(loop), on_passed_(std::move(on_passed)) {}

  // In so many milliseconds, unless a nearer deadline is set already.
  void set(std::int64_t ms) {
    const auto due = loop_.now() + std::chrono::milliseconds(ms);
    if (passed_ || (due_ && *due_ <= due)) return;
    due_ = due;
    loop_.cancel(timer_);
    timer_ = loop_.after(std::chrono::milliseconds(ms), [this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      passed_ = true;
      on_passed_();
    });
  }
  bool passed() const { return passed_; }

 private:
  Loop& loop_;
  const std::function<void()> on_passed_;
  std::optional<SteadyTime> due_;
  Loop::TimerId timer_ = 0;
  bool passed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
