// WHERE A SLICE IS RECORDED. From a result to `done`: committed (synced), published, settled (synced); or to a retry,
// or to an error row.
//
// Order is everything here (architecture, section 7): the ledger decides, publication follows (publish_queue). Loop
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/settlement/adopted_outputs.h"
#include "execution-controller/settlement/completion_gate.h"
#include "execution-controller/settlement/decided_group.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/publish_queue.h"
#include "execution-controller/settlement/retry_policy.h"
#include "execution-controller/settlement/slice_failures.h"
#include "execution-controller/settlement/slice_tries.h"
#include "execution-controller/settlement/tally.h"
#include "slicer/slicer.h"

namespace slicemill::controller {

class Settlement {
 public:
  struct Hooks {
    std::function<void(ActiveSlice)> on_retry;      // its backoff is over: dispatch it again
    std::function<void(ActiveSlice)> on_isolated;   // it killed a worker: dispatch it alone
    std::function<void()> on_slice_failed;          // for good; durable
    std::function<void(const SliceKey&)> on_noted;  // a row of this slice, which goes on, will be written
    std::function<void()> on_change;
    std::function<void(const Error&)> on_obstacle;  // output cannot be stored now; go_on() when that is over
    std::function<void(const Error&)> on_unfenced;  // slices cannot be fenced: the job cannot go on
    std::function<void(const Error&)> on_fatal;
    // Slicers that are told of completions before they are recorded (SliceSource); null: none is.
    std::function<bool(std::uint32_t slicer)> hears{};
    std::function<void(Completion, std::function<void(bool heard)> record)> hear{};
    std::function<std::optional<SlicePolicy>(const ActiveSlice&)> policy{};  // nothing: as the job says
  };

  // publisher: nullptr if the job's sender publishes nothing.
  Settlement(Loop& loop, LedgerWriter& writer, OutputPublisher* publisher, const LedgerHeader& header,
             RetryPolicy retries, Hooks hooks);

  void on_result(ActiveSlice slice, const wire::SliceResult& result);
  // Runs once it is known of all results so far whether they count; at once if it is.
  void after_decided(std::function<void()> then) { adopted_.after_known(std::move(then)); }
  // Fresh slices that completed without outputs; the result has their sums.
  void on_span_completed(const SliceSpan& span, const wire::SliceResult& result);
  void on_crash(ActiveSlice slice, const std::string& cause) { failures_.crash(std::move(slice), cause); }
  // A stop's deadline passed while it ran: it stays open, in state `start`.
  void leave_open(ActiveSlice slice);
  // Outputs that were committed before a crash: published and settled like the others.
  void roll_forward(std::vector<std::pair<ActiveSlice, CommittedOutput>> outputs);
  // No more retries: what waits for one stays open, and is returned.
  std::vector<ActiveSlice> drop_waiting() { return tries_.take_waiting(); }
  // The obstacle is gone: publishing and fencing go on.
  void go_on();
  // Slices that ended, and are not fenced when there is no more time for it: they stay open.
  std::vector<ActiveSlice> drop_unfenced() { return failures_.drop_unfenced(); }
  // At the end of a drain that leaves slices open, these among them: nothing of them is committed later. Those that
  // were committed before are done. done: "" or why it could not be; at once if the sinks commit nothing by themselves.
  void fence_rest(std::vector<ActiveSlice> given_up, std::function<void(const std::string& trouble)> done) {
    failures_.fence_rest(std::move(given_up), std::move(done));
  }
  // The end comes before the obstacle is gone: what is committed stays so, for whoever opens the ledger next. True if
  // there was something.
  bool leave_unpublished();

  Tally& tally() { return tally_; }
  const Tally& tally() const { return tally_; }
  // Slices between result and `done`.
  std::size_t in_progress() const { return tally_.in_progress(); }
  std::size_t waiting_for_retry() const { return tries_.waiting(); }
  // "" or why publishing does not get on (disk full, ...).
  std::string obstacle() const;

 private:
  // Of an earlier controller's attempt: counts if its output is there.
  void adopt(ActiveSlice slice, const wire::SliceResult& result, const Result<bool>& is_there);
  void commit(ActiveSlice slice, const wire::SliceResult& result);
  void complete(ActiveSlice slice, const wire::SliceResult& result);
  void settle(const ActiveSlice& slice, const OutputFacts& output, std::uint64_t records_out);
  void give_back(ActiveSlice slice, const Error& cause);
  SliceFailures::Hooks failure_hooks();
  PublishQueue::Hooks publish_hooks();
  CompletionGate::Hooks gate_hooks();
  DecidedGroup::Hooks group_hooks();

  LedgerWriter& writer_;
  OutputPublisher* const publisher_;
  const Hooks hooks_;
  Tally tally_;
  SliceTries tries_;
  CompletionGate gate_;
  DecidedGroup group_;
  PublishQueue publishing_;
  AdoptedOutputs adopted_;
  SliceFailures failures_;
};

}  // namespace slicemill::controller
