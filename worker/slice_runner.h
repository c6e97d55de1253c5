// A SLICE RUNS OR FAILS: one order in, one result out. The one place where what an operation throws is caught.
//
// Owner: the worker; operation thread only, but for WorkedSlice::finish().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/runtime/json.h"
#include "core/runtime/result.h"
#include "core/wire/messages.h"
#include "operations/operation.h"

namespace slicemill {

// A slice that was worked on. Its result counts once the output is durable.
struct WorkedSlice {
  wire::SliceResult result;
  std::function<Result<void>()> sync;  // StagedOutput::sync; null: the result counts already

  // Syncs what is left to sync, on any thread; the result says if that failed.
  wire::SliceResult finish() &&;
};

class SliceRunner {
 public:
  virtual ~SliceRunner() = default;

  // Never fails otherwise than by its result. Setting *cancelled (from any thread) ends the work at the next batch:
  // failed, "cancelled".
  virtual WorkedSlice work(const wire::SliceOrder& order, const std::atomic<bool>* cancelled) = 0;
  wire::SliceResult run(const wire::SliceOrder& order, const std::atomic<bool>* cancelled = nullptr) {
    return work(order, cancelled).finish();
  }
  // The promise of the job's output.
  virtual Delivery delivery() const = 0;
};

// job: the resolved execution document. lineage: execution ids, oldest first; a slice's generation indexes it.
Result<std::unique_ptr<SliceRunner>> make_slice_runner(const JobSpec& job, std::vector<std::string> lineage,
                                                       const RunnerPlace& place,
                                                       const OperationRegistry& registry = builtin_operations(),
                                                       Files& files = posix_files());

}  // namespace slicemill
