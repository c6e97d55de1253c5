// WHAT GOES TO WHOM. Waiting slices are ordered from workers that have credit: few slices spread over all of them, no
// slice behind one that runs long, those that killed a worker alone. Loop thread.
//
// What is ordered becomes a lease; what could not be sent waits on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "core/runtime/result.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/dispatch/lease_table.h"
#include "execution-controller/dispatch/slice_queue.h"
#include "execution-controller/dispatch/worker_levels.h"
#include "execution-controller/dispatch/worker_table.h"
#include "execution-controller/settlement/retry_policy.h"

namespace slicemill::controller {

class SliceAssigner {
 public:
  struct Hooks {
    std::function<std::size_t()> unsynced_slices;  // settled ones that wait for the disk
    std::function<void(const Error&)> on_fatal;
  };
  // While so many settled slices wait for the disk, no further ones go out.
  static constexpr std::size_t kUnsyncedBound = 50'000;

  SliceAssigner(SliceQueue& queue, LeaseTable& leases, WorkerTable& workers, WorkerLevels& levels, std::uint64_t epoch,
                RetryPolicy retries, Hooks hooks);

  // Closed, at the beginning too: nothing is ordered.
  void set_open(bool open) { open_ = open; }
  bool is_open() const { return open_; }
  // Orders what waits from workers with credit, if it is open.
  void assign();
  // Orders this slice under this attempt; false: the order could not be sent. The lease is the caller's.
  bool order(Worker& worker, const ActiveSlice& slice, const Attempt& attempt);
  // How many further slices the worker may be given.
  std::uint64_t credit(const Worker& worker) const;

  // The slice waits again: with all others, or alone if it killed a worker.
  void requeue(ActiveSlice slice);
  void push_isolated(ActiveSlice slice) { isolated_.push_back(std::move(slice)); }
  std::size_t isolated() const { return isolated_.size(); }
  bool nothing_waits() const { return queue_.empty() && isolated_.empty(); }
  // Somebody idles, and slices wait behind one that a busy worker runs. They would take so little time that they are
  // left there; should they still be there a while later, that slice takes longer than others did.
  bool leaves_waiting() const { return leaves_waiting_; }
  // That while (credit.h: kWaitingWorkUs) has passed: they come back.
  void end_patience();
  // Takes back every slice that no worker has begun.
  void recall_all();

  // How many slices should wait ready so that no worker starves.
  std::uint64_t wanted_ahead() const;
  // The same for slices that can be made at any time: three per worker, more only of slices so small that a worker is
  // through with them before the next ones are durable.
  std::uint64_t least_ahead() const;
  // The execution cannot go on if a fault point fires.
  void passed(const char* fault_point);

 private:
  // Slices that were taken out of the queue, beside the orders that were made of them.
  struct Given {
    std::vector<ActiveSlice> singles;
    std::vector<SliceSpan> spans;
    std::uint64_t slices = 0;
  };
  bool give(Worker& worker, std::uint64_t count);
  Given take_waiting(std::uint64_t count, wire::Dispatch& dispatch);
  void take_span(SliceSpan span, wire::Dispatch& dispatch, std::size_t& bytes, Given& given);
  wire::SliceOrder order_of(const ActiveSlice& slice) const;
  void give_isolated(Worker& worker);
  void help_idle(bool has_waited);
  Attempt first_attempt() const { return {epoch_, 1}; }

  SliceQueue& queue_;
  LeaseTable& leases_;
  WorkerTable& workers_;
  WorkerLevels& levels_;
  const std::uint64_t epoch_;
  const RetryPolicy retries_;
  const Hooks hooks_;
  std::deque<ActiveSlice> isolated_;
  bool open_ = false;
  bool leaves_waiting_ = false;
};

}  // namespace slicemill::controller
