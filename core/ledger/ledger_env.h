// RocksDB's view of the machine, with its background threads in our hands: RocksDB's own pools keep their threads for
// ever, and throw where nobody can catch when they get none. Here each of two (for flushes, for compactions) has one
// thread while there is work, and work for which there is no room for a thread waits, which ready() tells.
//
// Owner: a RocksDatabase. The threads are of the whole process. Any thread.
#pragma once

#include <rocksdb/env.h>

#include <memory>

#include "core/runtime/result.h"

namespace slicemill {

class LedgerEnv final : public rocksdb::EnvWrapper {
 public:
  // Files and clock are the target's.
  explicit LedgerEnv(rocksdb::Env* target);
  explicit LedgerEnv(std::unique_ptr<rocksdb::Env> target);

  // Starts work that waits for a thread. The error is an obstacle: there is none to have.
  static Result<void> ready();

  // While it lives, there is a thread for flushes: whoever waits for one does not wait for ever.
  class FlushThread {
   public:
    static Result<std::unique_ptr<FlushThread>> hold();
    ~FlushThread();
    FlushThread(const FlushThread&) = delete;
    FlushThread& operator=(const FlushThread&) = delete;

   private:
    FlushThread() = default;
  };

  const char* Name() const override { return "LedgerEnv"; }
  void Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                void (*unscheduled)(void*)) override;
  int UnSchedule(void* tag, Priority priority) override;
  unsigned int GetThreadPoolQueueLen(Priority priority) const override;
  // One each, whatever is asked for.
  void SetBackgroundThreads(int, Priority) override {}
  void IncBackgroundThreadsIfNeeded(int, Priority) override {}
  int GetBackgroundThreads(Priority priority) override { return priority == LOW || priority == HIGH ? 1 : 0; }
};

}  // namespace slicemill
