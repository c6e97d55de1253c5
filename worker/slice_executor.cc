#include "worker/slice_executor.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/runtime/log.h"
#include "core/runtime/threads.h"

namespace slicemill::worker {
namespace {

// How many outputs may wait for the disk while the next slice is worked on: a disk that is slower than the work stops
// it.
constexpr std::size_t kMaxUnsynced = 2;
constexpr Duration kTryThreadAgain = std::chrono::milliseconds(250);
constexpr int kMostFailedStarts = 40;

// One thread takes slices and works on them; a second one, made when first needed, waits for the disk on behalf of
// those that are done.
class ThreadedSliceExecutor final : public SliceExecutor {
 public:
  ThreadedSliceExecutor(Loop& loop, MakeRunner make_runner, std::unique_ptr<InFlightMarker> note, Hooks hooks);
  ~ThreadedSliceExecutor() override;

  void add(std::vector<wire::SliceOrder> slices) override;
  std::vector<wire::SliceResult> take_results() override;
  std::vector<wire::HeldSlice> take_back(std::uint64_t keep) override;
  std::vector<wire::HeldSlice> cancel(const std::vector<wire::HeldSlice>& slices) override;
  std::vector<wire::HeldSlice> held() const override;
  std::uint64_t unfinished() const override;
  bool idle() const override;
  bool running() const override;

 private:
  struct Unsynced {
    wire::SliceOrder order;
    WorkedSlice run;
  };

  void start_or_wait();
  void run();
  bool run_one(SliceRunner& runner);
  void sync_later(std::unique_lock<std::mutex>& lock, const wire::SliceOrder& order, WorkedSlice run);
  void sync();
  void finish_first(std::unique_lock<std::mutex>& lock);
  void hand_back(wire::SliceResult result, const wire::SliceOrder& order);  // requires: mutex_ held

  Loop& loop_;
  MakeRunner make_runner_;
  std::unique_ptr<InFlightMarker> note_;
  Hooks hooks_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<wire::SliceOrder> waiting_;    // guarded by mutex_
  std::optional<wire::HeldSlice> running_;  // guarded by mutex_
  std::deque<Unsynced> unsynced_;           // guarded by mutex_; the first one is being synced
  std::vector<wire::SliceResult> results_;  // guarded by mutex_
  bool told_ = false;                       // guarded by mutex_: on_results is on its way
  bool ending_ = false;                     // guarded by mutex_
  std::atomic<bool> cancel_{false};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread syncing_thread_;  // made by the other one
  std::thread thread_;
  int failed_starts_ = 0;
  Loop::TimerId start_timer_ = 0;  // there was no room for a thread
};

ThreadedSliceExecutor::ThreadedSliceExecutor(Loop& loop, MakeRunner make_runner, std::unique_ptr<InFlightMarker> note,
                                             Hooks hooks)
    : loop_(loop), make_runner_(std::move(make_runner)), note_(std::move(note)), hooks_(std::move(hooks)) {
  start_or_wait();
}

ThreadedSliceExecutor::~ThreadedSliceExecutor() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    waiting_.clear();
  }
  cancel_ = true;
  wake_.notify_all();
  loop_.cancel(start_timer_);
  if (thread_.joinable()) thread_.join();
  if (syncing_thread_.joinable()) syncing_thread_.join();
}

// Slices wait meanwhile: they are held, and nothing has begun. A process of its own makes room for its successor in the
// end: a limit that is lifted may be so only for processes that are started from then on.
void ThreadedSliceExecutor::start_or_wait() {
  const auto started = start_thread(thread_, "slices", [this] { run(); });
  if (started) return;
  if (start_timer_ == 0) log(LogLevel::warn, "slices wait: {}", started.error().message);
  if (note_ && ++failed_starts_ > kMostFailedStarts) {
    hooks_.on_no_runner(started.error());
    return;
  }
  start_timer_ = loop_.after(kTryThreadAgain, [this] { start_or_wait(); });
}

void ThreadedSliceExecutor::run() {
  const std::weak_ptr<bool> alive = alive_;
  auto runner = make_runner_();
  if (!runner) {
    loop_.post([this, alive, error = runner.error()] {
      if (!alive.expired()) hooks_.on_no_runner(error);
    });
    return;
  }
  while (run_one(**runner)) {
  }
}

bool ThreadedSliceExecutor::run_one(SliceRunner& runner) {
  wire::SliceOrder slice;
  {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (ending_) return false;
    slice = std::move(waiting_.front());
    waiting_.pop_front();
    running_ = wire::HeldSlice{slice.key, slice.attempt};
    cancel_ = false;
  }
  if (note_)
    note_->begin({slice.key.generation, slice.key.slicer, slice.key.order, slice.key.path, slice.attempt.epoch,
                  slice.attempt.n});
  WorkedSlice run = runner.work(slice, &cancel_);
  if (note_) note_->end();
  std::unique_lock lock(mutex_);
  if (run.sync) {
    sync_later(lock, slice, std::move(run));
  } else {
    hand_back(std::move(run.result), slice);
  }
  running_.reset();
  return true;
}

void ThreadedSliceExecutor::sync_later(std::unique_lock<std::mutex>& lock, const wire::SliceOrder& order,
                                       WorkedSlice run) {
  wake_.wait(lock, [this] { return ending_ || unsynced_.size() < kMaxUnsynced; });
  unsynced_.push_back({order, std::move(run)});
  if (!syncing_thread_.joinable() && !start_thread(syncing_thread_, "sync", [this] { sync(); })) {
    finish_first(lock);  // then the next slice waits for the disk
    return;
  }
  wake_.notify_all();
}

void ThreadedSliceExecutor::sync() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !unsynced_.empty(); });
    if (ending_) return;
    finish_first(lock);
    wake_.notify_all();
  }
}

void ThreadedSliceExecutor::finish_first(std::unique_lock<std::mutex>& lock) {
  WorkedSlice run = std::move(unsynced_.front().run);
  lock.unlock();
  wire::SliceResult result = std::move(run).finish();
  lock.lock();
  const wire::SliceOrder order = std::move(unsynced_.front().order);
  unsynced_.pop_front();
  hand_back(std::move(result), order);
}

void ThreadedSliceExecutor::hand_back(wire::SliceResult result, const wire::SliceOrder& order) {
  append_result(results_, std::move(result), order);
  if (told_ || ending_) return;
  told_ = true;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) hooks_.on_results();
  });
}

void ThreadedSliceExecutor::add(std::vector<wire::SliceOrder> slices) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& slice : slices) waiting_.push_back(std::move(slice));
  }
  wake_.notify_all();
}

std::vector<wire::SliceResult> ThreadedSliceExecutor::take_results() {
  const std::lock_guard lock(mutex_);
  told_ = false;
  return std::exchange(results_, {});
}

std::vector<wire::HeldSlice> ThreadedSliceExecutor::take_back(std::uint64_t keep) {
  const std::lock_guard lock(mutex_);
  std::vector<wire::HeldSlice> taken;
  while (waiting_.size() > keep) {
    taken.push_back({waiting_.back().key, waiting_.back().attempt});
    waiting_.pop_back();
  }
  return taken;
}

std::vector<wire::HeldSlice> ThreadedSliceExecutor::cancel(const std::vector<wire::HeldSlice>& slices) {
  const std::lock_guard lock(mutex_);
  std::vector<wire::HeldSlice> forgotten;
  for (const auto& unwanted : slices) {
    const auto count = std::erase_if(waiting_, [&](const wire::SliceOrder& slice) {
      return slice.key == unwanted.key && slice.attempt == unwanted.attempt;
    });
    if (count > 0) forgotten.push_back(unwanted);
    if (running_ && *running_ == unwanted) cancel_ = true;
  }
  return forgotten;
}

std::vector<wire::HeldSlice> ThreadedSliceExecutor::held() const {
  const std::lock_guard lock(mutex_);
  std::vector<wire::HeldSlice> held;
  for (const auto& done : unsynced_) held.push_back({done.order.key, done.order.attempt});
  if (running_) held.push_back(*running_);
  for (const auto& slice : waiting_) held.push_back({slice.key, slice.attempt});
  return held;
}

std::uint64_t ThreadedSliceExecutor::unfinished() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = waiting_.size() + unsynced_.size() + (running_ ? 1 : 0);
  for (const auto& result : results_) count += result.count;
  return count;
}

bool ThreadedSliceExecutor::idle() const {
  const std::lock_guard lock(mutex_);
  return waiting_.empty() && !running_ && unsynced_.empty() && results_.empty();
}

bool ThreadedSliceExecutor::running() const {
  const std::lock_guard lock(mutex_);
  return running_.has_value() || !unsynced_.empty();
}

// It says nothing of its slice but that it is done.
bool is_plain(const wire::SliceResult& result) {
  return result.outcome == wire::Outcome::completed && !result.output.present && result.value.empty() &&
         result.quarantined.empty() && result.remarks.empty();
}

}  // namespace

void append_result(std::vector<wire::SliceResult>& results, wire::SliceResult result, const wire::SliceOrder& order) {
  if (order.follows && !results.empty() && !wire::is_measured(result) && is_plain(result)) {
    auto& last = results.back();
    auto expected = last.key;
    expected.order += last.count;
    if (expected == result.key && last.attempt == result.attempt && is_plain(last) &&
        last.operations.size() == result.operations.size()) {
      ++last.count;
      last.records_in += result.records_in;
      last.records_out += result.records_out;
      last.busy_us += result.busy_us;
      for (std::size_t i = 0; i < last.operations.size(); ++i) {
        last.operations[i].records += result.operations[i].records;
        last.operations[i].bytes += result.operations[i].bytes;
      }
      return;
    }
  }
  results.push_back(std::move(result));
}

std::unique_ptr<SliceExecutor> make_slice_executor(Loop& loop, MakeRunner make_runner,
                                                   std::unique_ptr<InFlightMarker> note, SliceExecutor::Hooks hooks) {
  return std::make_unique<ThreadedSliceExecutor>(loop, std::move(make_runner), std::move(note), std::move(hooks));
}

}  // namespace slicemill::worker
