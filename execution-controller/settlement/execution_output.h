// The output of an execution as a whole: its directories are made ready before the first slice, what never committed is
// swept, parts are joined at the end, and what is left over is removed. Loop thread; files are touched on the publish
// executor.
//
// A job whose sender publishes nothing has none of that: every question is answered at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/obstacle.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/output_join.h"
#include "execution-controller/settlement/staging_sweep.h"

namespace slicemill::controller {

class ExecutionOutput {
 public:
  struct Hooks {
    std::function<void(const Result<void>&)> on_prepared;  // an obstacle is no answer: prepare() is called again
    std::function<void(const Result<void>&)> on_joined;
    std::function<void(const Error&)> on_obstacle;
    std::function<void(const Error&)> on_fatal;  // nothing can be recorded any more
  };

  // publisher: nullptr if the job's sender publishes nothing.
  ExecutionOutput(Loop& loop, SliceLedger& ledger, LedgerWriter& writer, std::unique_ptr<OutputPublisher> publisher,
                  Hooks hooks);

  // first: nothing of this execution, or of one that it recovers, was written before.
  void prepare(bool first);
  // The obstacle is gone: what waited for that goes on.
  void go_on();
  // Its directories are being made ready just now.
  bool is_preparing() const { return preparing_ == Preparing::under_way; }
  // Tries whether an obstacle is gone. A sender that publishes nothing cannot be tried: the next slices will tell.
  void probe(const Obstacle::Answer& answer);

  // See StagingSweep.
  void keep(const SliceKey& key, const Attempt& attempt);
  void lost(const SliceAttempts& attempts);
  void begin_sweep();

  bool joins() const { return join_ != nullptr; }
  void join() { join_->begin(); }
  // Committed outputs stay staged: the next execution that opens the ledger publishes them.
  void leave_staged() { leaves_staged_ = true; }
  // Removes what is left over of an execution that ended so. `done`: at once if nothing is to be removed.
  bool cleans_up() const { return publisher_ != nullptr && !leaves_staged_; }
  void clean_up(ExecutionStatus outcome, bool has_quarantined, std::function<void()> done);

  OutputPublisher* publisher() { return publisher_.get(); }

 private:
  enum class Preparing { no, under_way, obstructed };

  Loop& loop_;
  const SliceLedger& ledger_;
  std::unique_ptr<OutputPublisher> publisher_;
  const Hooks hooks_;
  std::unique_ptr<StagingSweep> sweep_;  // nullptr: nothing is staged
  std::unique_ptr<OutputJoin> join_;     // nullptr: nothing is joined
  Preparing preparing_ = Preparing::no;
  bool is_first_ = false;
  bool joined_ = false;  // and published
  bool leaves_staged_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
