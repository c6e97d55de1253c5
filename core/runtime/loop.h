// The seam to time, chance and threads: one event loop per process, on one thread.
//
// Core logic runs only on the loop thread and never blocks it. What may block (files, RocksDB, SQLite, user code) goes
// through offload() to a named executor (one thread each, first in, first out), and its result comes back by post().
// Bodies: AsioLoop (production) and, in tests/simulation, virtual time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "core/runtime/clock.h"

namespace slicemill {

class Loop {
 public:
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;  // never 0

  // An executor keeps its tasks in order; different executors run beside each other.
  enum class Executor { slicer, publish, query, store, assets, ledger, documents, spawn };
  static constexpr std::size_t kExecutors = 8;

  virtual ~Loop() = default;

  virtual SteadyTime now() const = 0;
  virtual WallMs wall_ms() const = 0;
  virtual std::uint64_t random() = 0;

  // Runs the task on the loop thread once the delay has passed. Loop thread only.
  virtual TimerId after(Duration delay, Task task) = 0;
  // The same between half of the delay and one and a half from now, at a moment that other such timers of this process
  // share: what a process looks after without haste wakes an idle one once and not once each. Loop thread only.
  virtual TimerId around(Duration delay, Task task) { return after(delay, std::move(task)); }
  // Safe for timers that already ran and for 0. Loop thread only.
  virtual void cancel(TimerId timer) = 0;
  // Runs the task on the loop thread, soon. Any thread.
  virtual void post(Task task) = 0;
  // Runs work on the executor's thread, then done on the loop thread. Loop thread only.
  virtual void offload(Executor executor, Task work, Task done) = 0;
  // The same to one of any number of executors: what hangs in one lane delays no other. Lane 0 is Executor::slicer.
  virtual void offload_to_lane(std::uint32_t lane, Task work, Task done) {
    (void)lane;
    offload(Executor::slicer, std::move(work), std::move(done));
  }
  // Why work that was offloaded does not begin: there is no room for the executor's thread. It begins once there is. ""
  // if nothing keeps it. Loop thread only.
  virtual std::string waits_for() const { return {}; }
};

}  // namespace slicemill
