// WHERE A SLICE IS RECORDED. From a result to `done`: committed (synced), published, settled (synced); or to a retry,
// or to an error row.
//
// Order is everything here (architecture, section 7): the ledger decides, publication follows (publish_queue). Loop
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
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
#include "execution-controller/settlement/first_error.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/publish_queue.h"
#include "execution-controller/settlement/retry_policy.h"
#include "execution-controller/settlement/retry_wait.h"
#include "execution-controller/settlement/slice_fence.h"
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
  void on_crash(ActiveSlice slice, const std::string& cause);
  void on_refused() { ++totals_.counters.refused; }
  // A stop's deadline passed while it ran: it stays open, in state `start`.
  void leave_open(ActiveSlice slice);
  // Outputs that were committed before a crash: published and settled like the others.
  void roll_forward(std::vector<std::pair<ActiveSlice, CommittedOutput>> outputs);
  // No more retries: what waits for one stays open, and is returned.
  std::vector<ActiveSlice> drop_waiting() { return waiting_.take_all(); }
  // The obstacle is gone: publishing and fencing go on.
  void go_on();
  // Slices that ended, and are not fenced when there is no more time for it: they stay open.
  std::vector<ActiveSlice> drop_unfenced();
  // At the end of a drain that leaves slices open, these among them: nothing of them is committed later. Those that
  // were committed before are done. done: "" or why it could not be; at once if the sinks commit nothing by themselves.
  void fence_rest(std::vector<ActiveSlice> given_up, std::function<void(const std::string& trouble)> done);
  // The end comes before the obstacle is gone: what is committed stays so, for whoever opens the ledger next. True if
  // there was something.
  bool leave_unpublished();

  SliceCounters counters() const { return totals_.counters; }
  // Of the source, see LedgerFigures.
  std::uint64_t completed_extent() const { return totals_.completed_extent; }
  std::uint64_t failed_extent() const { return totals_.failed_extent; }
  // Of this execution, as far as it is known: an earlier controller's is the caller's to tell.
  const std::optional<FirstError>& first_failure() const { return firsts_.failure; }
  const std::optional<FirstError>& first_quarantined() const { return firsts_.quarantined; }
  void set_first_failure(FirstError first) { firsts_.failure = std::move(first); }
  void set_first_quarantined(FirstError first) { firsts_.quarantined = std::move(first); }
  void set_subslices(std::uint64_t subslices) { totals_.counters.subslices = subslices; }
  // Slices between result and `done`.
  std::size_t in_progress() const { return in_progress_; }
  std::size_t waiting_for_retry() const { return waiting_.size(); }
  // "" or why publishing does not get on (disk full, ...).
  std::string obstacle() const;

 private:
  struct Group {  // of the batch being gathered
    std::uint64_t batch = 0;
    std::vector<CommittedSlice> to_publish;
    std::uint64_t settled = 0;  // slices
    std::uint64_t failed = 0;   // of them, for good
  };
  struct Totals {
    SliceCounters counters;
    std::uint64_t completed_extent = 0;
    std::uint64_t failed_extent = 0;
  };
  struct Firsts {
    std::optional<FirstError> failure;
    std::optional<FirstError> quarantined;
  };

  // Of an earlier controller's attempt: counts if its output is there.
  void adopt(ActiveSlice slice, const wire::SliceResult& result, const Result<bool>& is_there);
  Group& group();
  void group_durable(Group& group);
  void commit(ActiveSlice slice, const wire::SliceResult& result);
  // By its slicer.
  bool is_heard(const SliceKey& key) const;
  void complete(ActiveSlice slice, const wire::SliceResult& result);
  // What it was and what became of it: recorded now, or once its slicer was told.
  void decide(const ActiveSlice& slice, SliceState state, const std::string& value, std::function<void()> record);
  void settle(const ActiveSlice& slice, const OutputFacts& output, std::uint64_t records_out);
  void settle_failed(const ActiveSlice& slice, const std::string& error, std::optional<QuarantinedRecord> record);
  // What its workers read and what they refused: recorded in the batch that decides the slice.
  void take_records(ActiveSlice& slice, const wire::SliceResult& result);
  // It was decided, and its output is lost: what it read will be read again.
  void forget_records(const CommittedSlice& lost);
  void give_back(ActiveSlice slice, const Error& cause);
  void fail(ActiveSlice slice, const wire::SliceResult& result, bool retryable);
  RetryPolicy retries_of(const ActiveSlice& slice) const;
  // The latest try has ended. busy_us: how long it took, 0: not known.
  void note_history(const ActiveSlice& slice, SliceTry::End end, std::uint64_t busy_us, std::string value,
                    std::string error);
  // A try that failed, in the ledger: retries and crashes as they stand in the slice now.
  void note_try(ActiveSlice& slice, std::string error);
  void fail_for_good(const ActiveSlice& slice, const std::string& error,
                     std::optional<QuarantinedRecord> record = std::nullopt);
  // The same once the slice is fenced.
  void record_error(const EndedSlice& ended);
  void complete_committed(ActiveSlice slice, ClaimedOutput output);
  SliceFence::Hooks fence_hooks();
  PublishQueue::Hooks publish_hooks();
  OpenRow row_of(const ActiveSlice& slice, SliceState state, std::string error) const;

  // 14 members, since a result may take five ways from here, and what they did is counted together.
  Loop& loop_;
  LedgerWriter& writer_;
  OutputPublisher* const publisher_;
  const std::uint16_t generation_;
  const RetryPolicy retries_;
  const Hooks hooks_;
  Totals totals_;
  Firsts firsts_;
  std::size_t in_progress_ = 0;
  std::shared_ptr<Group> group_;
  PublishQueue publishing_;
  RetryWait waiting_;
  AdoptedOutputs adopted_;
  std::unique_ptr<SliceFence> fence_;  // nullptr: no sink needs it
};

}  // namespace slicemill::controller
