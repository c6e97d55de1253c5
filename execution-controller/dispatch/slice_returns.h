// WHAT COMES BACK. Results, slices that a worker gives back, and those that it leaves behind when it ends. Only the
// result of the worker and attempt that hold the lease counts; everything else is refused. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/dispatch/crash_charge.h"
#include "execution-controller/dispatch/lease_table.h"
#include "execution-controller/dispatch/slice_assigner.h"
#include "execution-controller/dispatch/speculation.h"
#include "execution-controller/dispatch/worker_table.h"

namespace slicemill::controller {

class SliceReturns {
 public:
  struct Hooks {
    std::function<void(ActiveSlice, const wire::SliceResult&)> on_result;
    std::function<void(const SliceSpan&, const wire::SliceResult&)> on_span_completed;
    std::function<void(ActiveSlice, const std::string& cause)> on_crash;  // charged with its worker's death
    std::function<void()> on_told;  // a slice that waited for a cause went its way
    std::function<void()> on_refused;
  };

  // speculation: nullptr if no slice runs twice.
  SliceReturns(Loop& loop, LeaseTable& leases, SliceAssigner& assigner, Speculation* speculation, Hooks hooks);

  void take(Worker& worker, const wire::SliceResult& result);
  // Slices that the worker had not begun wait again.
  void take_back(Worker& worker, const std::vector<wire::HeldSlice>& slices);
  // The worker says what it holds: its other leases, of slices that did not reach it, end. worker.outstanding follows.
  void keep_only(Worker& worker, const std::vector<wire::HeldSlice>& held);
  // All of the worker's leases end, and its slices wait again. Which attempts have ended.
  SliceAttempts release(WorkerNumber number);
  // The same for a process that has ended; the slice that it had begun is charged with that, if it is to blame.
  SliceAttempts bury(const Worker& worker, const ProcessExit& exit);
  // From the parent of a dead worker.
  void on_exit_cause(std::int64_t pid, const std::string& cause) { charge_.told(pid, cause); }
  // Ends every lease; the slices are the caller's.
  std::vector<ActiveSlice> take_all();

  bool holds(const Worker& worker, const SliceKey& key, const Attempt& attempt) const;
  // Slices that wait for the cause of a death.
  std::size_t waiting() const { return charge_.waiting(); }

 private:
  void take_span(Worker& worker, const wire::SliceResult& result);
  // Measures the worker by it.
  void done(Worker& worker, const wire::SliceResult& result);
  // One of two attempts came back, or is known never to have arrived.
  bool drop_second_attempt(Worker& worker, const wire::HeldSlice& held);

  LeaseTable& leases_;
  SliceAssigner& assigner_;
  Speculation* speculation_;
  const Hooks hooks_;
  CrashCharge charge_;
};

}  // namespace slicemill::controller
