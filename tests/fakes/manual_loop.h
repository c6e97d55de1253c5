// A Loop for tests: posts from any thread, timers on a clock that moves only when told, executors run inline.
//
// Owner: the test. The thread that calls run_ready, run_until and advance is the loop thread. Real threads behind the
// loop (a commit thread, a channel) are awaited by run_until, never by sleeping.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include "core/runtime/loop.h"

namespace slicemill {

class ManualLoop final : public Loop {
 public:
  explicit ManualLoop(std::uint64_t seed = 1, WallMs wall_start = 1'700'000'000'000)
      : random_(seed), wall_start_(wall_start) {}

  SteadyTime now() const override { return now_; }
  WallMs wall_ms() const override {
    return wall_start_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count();
  }
  std::uint64_t random() override { return random_(); }

  TimerId after(Duration delay, Task task) override {
    const TimerId id = ++last_timer_;
    const SteadyTime due = now_ + std::max(delay, Duration::zero());
    timers_.emplace(std::pair(due, id), std::move(task));
    due_.emplace(id, due);
    return id;
  }

  void cancel(TimerId timer) override {
    const auto found = due_.find(timer);
    if (found == due_.end()) return;
    timers_.erase(std::pair(found->second, timer));
    due_.erase(found);
  }

  void post(Task task) override {
    // Notified under the lock: the loop may be destroyed as soon as the task was seen.
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
    arrived_.notify_one();
  }

  void offload(Executor, Task work, Task done) override {
    post([work = std::move(work), done = std::move(done)] {
      work();
      if (done) done();
    });
  }

  // Runs one task: a due timer first, else the oldest post. False if there is none.
  bool run_one() {
    if (!timers_.empty() && timers_.begin()->first.first <= now_) {
      auto timer = timers_.extract(timers_.begin());
      due_.erase(timer.key().second);
      timer.mapped()();
      return true;
    }
    Task task;
    {
      const std::lock_guard lock(mutex_);
      if (posted_.empty()) return false;
      task = std::move(posted_.front());
      posted_.pop_front();
    }
    task();
    return true;
  }

  // Runs everything that is posted or due, also what those tasks post. Does not wait, does not move the clock. Returns
  // their number.
  std::size_t run_ready() {
    std::size_t count = 0;
    while (run_one()) ++count;
    return count;
  }

  // Runs tasks until the predicate holds (it is asked before the first task and after each), waiting for posts of other
  // threads. False if it does not hold after `limit` of real time: a test's failure, not a way to wait. The clock does
  // not move.
  bool run_until(const std::function<bool()>& predicate, std::chrono::milliseconds limit = std::chrono::seconds(60)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!predicate()) {
      if (run_one()) continue;
      std::unique_lock lock(mutex_);
      if (!arrived_.wait_until(lock, deadline, [this] { return !posted_.empty(); })) return false;
    }
    return true;
  }

  // Moves the clock, stopping at each timer on the way to run it and all that becomes ready.
  void advance(Duration step) {
    const SteadyTime target = now_ + step;
    run_ready();
    while (!timers_.empty() && timers_.begin()->first.first <= target) {
      now_ = timers_.begin()->first.first;
      run_ready();
    }
    now_ = target;
  }

  std::size_t timer_count() const { return timers_.size(); }
  std::optional<Duration> until_next_timer() const {
    if (timers_.empty()) return std::nullopt;
    return std::max(timers_.begin()->first.first - now_, Duration::zero());
  }

 private:
  std::mt19937_64 random_;
  WallMs wall_start_;
  SteadyTime now_{};
  TimerId last_timer_ = 0;
  std::map<std::pair<SteadyTime, TimerId>, Task> timers_;
  std::map<TimerId, SteadyTime> due_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Task> posted_;  // by mutex_
};

}  // namespace slicemill
