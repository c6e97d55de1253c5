#include "core/ledger/ledger_env.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "core/runtime/threads.h"

namespace slicemill {
namespace {

// Background work comes in clusters; after them an idle process should have no thread for it.
constexpr auto kKeepThread = std::chrono::seconds(1);

class BackgroundThread {
 public:
  struct Job {
    void (*function)(void*);
    void* argument;
    void* tag;
    void (*unscheduled)(void*);
  };

  explicit BackgroundThread(std::string name) : name_(std::move(name)) {}

  void schedule(const Job& job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job);
    if (runs_)
      wake_.notify_one();
    else
      (void)start();  // the next write tries again, see ready()
  }

  int unschedule(void* tag) {
    std::deque<Job> removed;
    {
      const std::lock_guard lock(mutex_);
      std::deque<Job> left;
      for (const Job& job : jobs_) (job.tag == tag ? removed : left).push_back(job);
      jobs_.swap(left);
    }
    for (const Job& job : removed)
      if (job.unscheduled != nullptr) job.unscheduled(job.argument);
    return static_cast<int>(removed.size());
  }

  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return jobs_.size();
  }

  Result<void> ready() {
    const std::lock_guard lock(mutex_);
    return runs_ || jobs_.empty() ? Result<void>() : start();
  }

  Result<void> hold() {
    const std::lock_guard lock(mutex_);
    if (!runs_) RETURN_IF_ERROR(start());
    ++holds_;
    return {};
  }

  void release() {
    const std::lock_guard lock(mutex_);
    --holds_;
  }

 private:
  // requires: mutex_ held
  Result<void> start() {
    std::thread thread;
    RETURN_IF_ERROR(start_thread(thread, name_, [this] { run(); }));
    thread.detach();
    runs_ = true;
    return {};
  }

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const bool has_work = wake_.wait_for(lock, kKeepThread, [this] { return !jobs_.empty(); });
      if (!has_work && holds_ > 0) continue;
      if (!has_work) break;
      const Job job = jobs_.front();
      jobs_.pop_front();
      lock.unlock();
      job.function(job.argument);
      lock.lock();
    }
    runs_ = false;
  }

  const std::string name_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;  // by mutex_
  bool runs_ = false;     // by mutex_: a thread takes what is queued
  int holds_ = 0;         // by mutex_
};

// Never destroyed: their threads may outlive main.
BackgroundThread& flushes() {
  static auto& instance = *new BackgroundThread("ledger flush");
  return instance;
}

BackgroundThread& compactions() {
  static auto& instance = *new BackgroundThread("ledger compact");
  return instance;
}

BackgroundThread& background_of(rocksdb::Env::Priority priority) {
  return priority == rocksdb::Env::Priority::HIGH ? flushes() : compactions();
}

}  // namespace

// The base class would show RocksDB its files through an older interface, that knows less.
LedgerEnv::LedgerEnv(rocksdb::Env* target) : EnvWrapper(target) {
  file_system_ = target->GetFileSystem();
  system_clock_ = target->GetSystemClock();
}

LedgerEnv::LedgerEnv(std::unique_ptr<rocksdb::Env> target) : EnvWrapper(std::move(target)) {
  file_system_ = this->target()->GetFileSystem();
  system_clock_ = this->target()->GetSystemClock();
}

Result<void> LedgerEnv::ready() {
  RETURN_IF_ERROR(flushes().ready());
  return compactions().ready();
}

Result<std::unique_ptr<LedgerEnv::FlushThread>> LedgerEnv::FlushThread::hold() {
  RETURN_IF_ERROR(flushes().hold());
  return std::unique_ptr<FlushThread>(new FlushThread());
}

LedgerEnv::FlushThread::~FlushThread() {
  flushes().release();
}

void LedgerEnv::Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                         void (*unscheduled)(void*)) {
  background_of(priority).schedule({function, argument, tag, unscheduled});
}

int LedgerEnv::UnSchedule(void* tag, Priority priority) {
  return background_of(priority).unschedule(tag);
}

unsigned int LedgerEnv::GetThreadPoolQueueLen(Priority priority) const {
  return static_cast<unsigned int>(background_of(priority).waiting());
}

}  // namespace slicemill
