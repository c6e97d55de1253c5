// Named fault points, after the steps of a slice's life: created, dispatched, staged, committed, published, done,
// joined, paused, stopping, terminal; before them launched (a controller begins), opening (it opens its source) and
// slicing (it asks for slices). Free in production: a disarmed point is one load of a bool.
//
// Armed by the environment: SLICEMILL_FAULT="[<process>/]<point>:<action>:<n>[,...]" does action at the n-th pass of
// the point (1 = first) in a process of that kind (master, controller, worker; without it in any). Actions: kill
// (SIGKILL to this process), every (the point reports an error at each pass from the n-th on, in each process: claimed
// by none, see below), hang (this thread, for ever), wait (this thread, until the file
// SLICEMILL_FAULT_LOG.<point>.go exists: a test may do whatever it wants exactly here), fail (the point reports an
// error once), note (nothing: each pass from the n-th on appends "<point> <pid> <unix time in ms>\n" to the file
// SLICEMILL_FAULT_LOG.notes), and enospc, edquot, emfile, eagain, eio, erofs (from then on the point reports that error
// of the system; with SLICEMILL_FAULT_CLEARED=<path> in every process that shares the log, until that file exists).
// Points at which an obstacle makes sense: staging, publishing, joining, ledger.before_sync, ledger.open,
// registry.commit (before it; registry.committed is after it, for kills), thread and spawn (a thread, a process is
// about to be made). `readiness:every:1` plants a wake-up without an event before each wait for a descriptor
// (readiness.h).
//
// A point that fired appends "[<process>/]<point> <pid>\n" to the file named by SLICEMILL_FAULT_LOG before it acts, so
// that a test can prove it, and then never fires again in processes that share that file.
#pragma once

#include <functional>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

// Which kind of process this is: master, controller or worker. Called once, by the process's entry; until then only
// faults without a process are armed.
void set_fault_process(std::string_view kind);

// For the simulator, which decides itself what happens at a point, on virtual time. Before any other thread runs;
// nullptr: as the environment says again.
void set_fault_handler(std::function<Result<void>(std::string_view point)> handler);

namespace fault_detail {
extern bool armed;  // constant but for set_fault_handler
Result<void> pass(std::string_view point);
}  // namespace fault_detail

inline Result<void> fault(std::string_view point) {
  if (!fault_detail::armed) [[likely]]
    return {};
  return fault_detail::pass(point);
}

}  // namespace slicemill
