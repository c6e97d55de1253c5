// Where a worker's slices run, one after the other, so that I/O and heartbeats never wait for user code, and the next
// slice's work not for the disk.
//
// Owner: Worker. Members are for the loop thread. Bodies: a thread of its own (make_slice_executor); one on virtual
// time in tests/simulation.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/runtime/in_flight_marker.h"
#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "worker/slice_runner.h"

namespace slicemill::worker {

// Called where the slices run, before the first one.
using MakeRunner = std::function<Result<std::unique_ptr<SliceRunner>>()>;

class SliceExecutor {
 public:
  struct Hooks {
    std::function<void()> on_results;                // some wait in take_results(); once per gathered group
    std::function<void(const Error&)> on_no_runner;  // the pipeline cannot be built
  };

  virtual ~SliceExecutor() = default;  // waits for the running slice, whose cancel flag is raised

  virtual void add(std::vector<wire::SliceOrder> slices) = 0;
  virtual std::vector<wire::SliceResult> take_results() = 0;
  // Waiting ones beyond the `keep` oldest, newest first: they are not begun and never will be here.
  virtual std::vector<wire::HeldSlice> take_back(std::uint64_t keep) = 0;
  // Forgets these if they wait, and returns them; raises the cancel flag if one of them runs.
  virtual std::vector<wire::HeldSlice> cancel(const std::vector<wire::HeldSlice>& slices) = 0;
  // Waiting and running ones and those whose output is not durable yet, oldest first.
  virtual std::vector<wire::HeldSlice> held() const = 0;
  // How many slices held() lists, and those whose results wait in take_results().
  virtual std::uint64_t unfinished() const = 0;
  // Nothing waits, nothing runs, no result is left to take.
  virtual bool idle() const = 0;
  virtual bool running() const = 0;
};

// Adds the result of `order` to those that wait: what one span's slices have in common is told once.
void append_result(std::vector<wire::SliceResult>& results, wire::SliceResult result, const wire::SliceOrder& order);

// note: nullptr in-process.
std::unique_ptr<SliceExecutor> make_slice_executor(Loop& loop, MakeRunner make_runner,
                                                   std::unique_ptr<InFlightMarker> note, SliceExecutor::Hooks hooks);

}  // namespace slicemill::worker
