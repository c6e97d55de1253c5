// WHO COMES BACK AFTER A CRASH. For a while after a controller has begun, workers of the earlier one are waited for:
// what they finished or hold under its attempts is adopted, if the slice is still open. Loop thread.
//
// Only then: what ended otherwise may have lost its staged output, and runs again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/dispatch/lease_table.h"
#include "execution-controller/dispatch/slice_queue.h"

namespace slicemill::controller {

class Reattachment {
 public:
  struct Hooks {
    std::function<void()> on_over;  // the time is up: some of the workers did not come back
    std::function<void(const SliceKey&, const Attempt&)> on_adopted;
    std::function<void(ActiveSlice, const wire::SliceResult&)> on_result;  // of an adopted slice
    std::function<void(const SliceSpan&, const wire::SliceResult&)> on_span_completed;
  };

  // expected_workers: that lived when this controller began; 0: nobody is waited for.
  Reattachment(Loop& loop, SliceQueue& queue, LeaseTable& leases, std::uint64_t epoch, std::uint32_t expected_workers,
               std::int64_t reattach_ms, Hooks hooks);

  // Nothing is dispatched: what waits in the queue may be in the hands of a worker.
  bool waiting() const { return waiting_; }
  // So many workers are there now.
  void joined(std::size_t workers);
  // A result under an attempt of an earlier controller; nobody holds a lease of its slice.
  void adopt_result(const wire::SliceResult& result);
  // The worker goes on with it: it has the lease from now on. False: it is to give it up.
  bool adopt_held(const wire::HeldSlice& held, LeaseTable::WorkerNumber worker);

 private:
  bool may_adopt(const Attempt& attempt) const;

  SliceQueue& queue_;
  LeaseTable& leases_;
  const std::uint64_t epoch_;
  const std::uint32_t expected_workers_;
  const Hooks hooks_;
  bool waiting_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
