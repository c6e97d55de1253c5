// The operation thread of one worker: runs slices one after the other, so that I/O and heartbeats never wait for user
// code.
//
// Owner: Worker. Members are for the loop thread; the thread itself only takes slices, runs them and hands back
// results.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/runtime/begun_note.h"
#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "worker/slice_runner.h"

namespace slicemill::worker {

// Called on the operation thread before the first slice.
using MakeRunner = std::function<Result<std::unique_ptr<SliceRunner>>()>;

class SliceLane {
 public:
  struct Hooks {
    std::function<void()> on_results;                // some wait in take_results(); once per gathered group
    std::function<void(const Error&)> on_no_runner;  // the pipeline cannot be built
  };

  // note: nullptr in-process.
  SliceLane(Loop& loop, MakeRunner make_runner, std::unique_ptr<BegunNote> note, Hooks hooks);
  ~SliceLane();  // waits for the running slice, whose cancel flag is raised

  void add(std::vector<wire::SliceOrder> slices);
  std::vector<wire::SliceResult> take_results();
  // Waiting ones beyond the `keep` oldest, newest first: they are not begun and never will be here.
  std::vector<wire::HeldSlice> take_back(std::uint64_t keep);
  // Forgets these if they wait; raises the cancel flag if one of them runs.
  void cancel(const std::vector<wire::HeldSlice>& slices);
  // Waiting and running ones, oldest first.
  std::vector<wire::HeldSlice> held() const;
  // Nothing waits, nothing runs, no result is left to take.
  bool idle() const;
  bool running() const;

 private:
  void run();
  bool run_one(SliceRunner& runner);

  Loop& loop_;
  MakeRunner make_runner_;
  std::unique_ptr<BegunNote> note_;
  Hooks hooks_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<wire::SliceOrder> waiting_;    // guarded by mutex_
  std::optional<wire::HeldSlice> running_;  // guarded by mutex_
  std::vector<wire::SliceResult> results_;  // guarded by mutex_
  bool told_ = false;                       // guarded by mutex_: on_results is on its way
  bool ending_ = false;                     // guarded by mutex_
  std::atomic<bool> cancel_{false};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread thread_;
};

}  // namespace slicemill::worker
