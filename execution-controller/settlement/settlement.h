// WHERE A SLICE IS RECORDED. From a result to `done`: committed (synced), published, settled (synced); or to a retry,
// or to an error row.
//
// Order is everything here (architecture, section 7): the ledger decides, publication follows. Loop thread; publishing
// happens on its executor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/settlement/first_error.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/retry_policy.h"

namespace slicemill::controller {

class Settlement {
 public:
  struct Hooks {
    std::function<void(ActiveSlice)> on_retry;                    // its backoff is over: dispatch it again
    std::function<void(ActiveSlice)> on_isolated;                 // it killed a worker: dispatch it alone
    std::function<void(const SliceKey&, SliceState)> on_settled;  // durable
    std::function<void(const SettledRange&)> on_range_completed;  // durable
    std::function<void(const SliceKey&)> on_noted;                // a row of this slice, which goes on, will be written
    std::function<void()> on_change;
    std::function<void(const Error&)> on_obstacle;  // output cannot be stored now; go_on() when that is over
    std::function<void(const Error&)> on_fatal;
  };

  // publisher: nullptr if the job's sender publishes nothing.
  Settlement(Loop& loop, LedgerWriter& writer, OutputPublisher* publisher, const LedgerHeader& header,
             RetryPolicy retries, Hooks hooks);

  void on_result(ActiveSlice slice, const wire::SliceResult& result);
  // Fresh slices that completed without outputs; the result has their sums.
  void on_span_completed(const SliceSpan& span, const wire::SliceResult& result);
  void on_crash(ActiveSlice slice, const std::string& cause);
  void on_refused() { ++counters_.refused; }
  // A stop's deadline passed while it ran: it stays open, in state `start`.
  void leave_open(ActiveSlice slice);
  // Outputs that were committed before a crash: published and settled like the others.
  void roll_forward(std::vector<std::pair<ActiveSlice, CommittedOutput>> outputs);
  // No more retries: what waits for one stays open.
  void drop_waiting();
  // The obstacle is gone: publishing goes on.
  void go_on();
  // The end comes before the obstacle is gone: what is committed stays so, for whoever opens the ledger next. True if
  // there was something.
  bool leave_unpublished();

  SliceCounters counters() const { return counters_; }
  // Of the source, see LedgerFigures.
  std::uint64_t completed_extent() const { return completed_extent_; }
  std::uint64_t failed_extent() const { return failed_extent_; }
  // Of this execution, as far as it is known: an earlier controller's is the caller's to tell.
  const std::optional<FirstError>& first_failure() const { return first_failure_; }
  const std::optional<FirstError>& first_quarantined() const { return first_quarantined_; }
  void set_first_failure(FirstError first) { first_failure_ = std::move(first); }
  void set_first_quarantined(FirstError first) { first_quarantined_ = std::move(first); }
  void set_subslices(std::uint64_t subslices) { counters_.subslices = subslices; }
  // Slices between result and `done`.
  std::size_t in_progress() const { return in_progress_; }
  std::size_t waiting_for_retry() const { return waiting_.size(); }
  std::uint64_t failures_since_start() const { return failures_; }
  // "" or why publishing does not get on (disk full, ...).
  const std::string& obstacle() const { return obstacle_; }

 private:
  struct Committed {
    ActiveSlice slice;
    CommittedOutput output;
    std::uint64_t records_in = 0;
  };
  struct Group {  // of the batch being gathered
    std::vector<Committed> to_publish;
    std::vector<std::pair<SliceKey, SliceState>> settled;
    std::vector<SettledRange> completed_ranges;
  };

  Group& group();
  void commit(ActiveSlice slice, const wire::SliceResult& result);
  void settle(const ActiveSlice& slice, const OutputFacts& output, std::uint64_t records_out);
  // What its workers read and what they refused: recorded in the batch that decides the slice.
  void take_records(ActiveSlice& slice, const wire::SliceResult& result);
  // It was decided, and its output is lost: what it read will be read again.
  void forget_records(const Committed& lost);
  void give_back(ActiveSlice slice, const std::string& cause);
  void fail(ActiveSlice slice, const wire::SliceResult& result, bool retryable);
  // A try that failed, in the ledger: retries and crashes as they stand in the slice now.
  void note_try(ActiveSlice& slice, std::string error);
  void fail_for_good(const ActiveSlice& slice, const std::string& error,
                     std::optional<QuarantinedRecord> record = std::nullopt);
  void publish_next();
  void published(std::vector<Committed> outputs, const std::vector<Result<void>>& results);
  OpenRow row_of(const ActiveSlice& slice, SliceState state, std::string error) const;

  Loop& loop_;
  LedgerWriter& writer_;
  OutputPublisher* publisher_;
  std::uint16_t generation_;
  RetryPolicy retries_;
  Hooks hooks_;
  SliceCounters counters_;
  std::uint64_t completed_extent_;
  std::uint64_t failed_extent_;
  std::optional<FirstError> first_failure_;
  std::optional<FirstError> first_quarantined_;
  std::uint64_t failures_ = 0;
  std::size_t in_progress_ = 0;
  std::shared_ptr<Group> group_;
  std::uint64_t group_serial_ = 0;
  std::vector<Committed> to_publish_;
  bool publishing_ = false;
  bool obstructed_ = false;
  std::uint32_t publish_failures_ = 0;
  std::string obstacle_;
  std::map<std::uint64_t, ActiveSlice> waiting_;
  std::uint64_t next_wait_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
