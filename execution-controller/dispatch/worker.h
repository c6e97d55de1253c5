// A worker as its controller knows it: how it is reached, when it was heard of, and what it has. Plain data; loop
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/runtime/pulse.h"
#include "core/wire/channel.h"
#include "execution-controller/dispatch/lease_table.h"

namespace slicemill::controller {

using WorkerNumber = LeaseTable::WorkerNumber;

struct Worker {
  WorkerNumber number = 0;
  std::string id;
  ServerChannel::Peer peer = 0;  // 0: not connected
  ProcessIdentity process;       // pid 0: a thread of this process
  std::string marker_path;
  std::unique_ptr<ProcessWatch> watch;
  SteadyTime heard;
  std::unique_ptr<PulseView> pulse;  // looked at, beside what is heard
  std::uint64_t outstanding = 0;     // slices that it was given and is not through with
  double slice_us = 0;               // moving average; 0: not known yet
  bool leaving = false;
  bool blocked = false;  // its buffer was full: no orders until it is heard of again
  bool untold = false;   // and so it missed one of the levels below
  // What it is told until its heartbeats say that it knows (worker_levels.h).
  std::uint64_t acked = 0;              // its results up to this number are durable
  std::uint64_t received = 0;           // and up to this one they came
  std::optional<std::uint64_t> recall;  // it is to give back all but so many waiting slices, and has not answered
  SteadyTime recalled;                  // when it was told the recall
  bool none_waits = false;              // it had nothing to give back, and was given nothing since
  SteadyTime ordered;                   // when it was given slices
  bool alone = false;                   // runs an isolated slice
  SteadyTime since;      // when it presumably began what it runs, or one of its slices got a second attempt
  bool doubled = false;  // all that it has is under way twice, or not to be
  bool slow = false;     // what it runs takes far too long: nothing is to wait behind that

  // It presumably begins another slice.
  void begins(SteadyTime now) {
    since = now;
    doubled = slow = false;
  }
};

}  // namespace slicemill::controller
