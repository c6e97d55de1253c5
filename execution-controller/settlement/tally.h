// WHAT IS COUNTED OF THE SLICES THAT WERE DECIDED: slices and records, how much of the source they are, and what went
// wrong first. The ledger writer adds it to each batch, so it has to change in the turn that decides a slice. Loop
// thread; no call fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/settlement/first_error.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/publish_queue.h"

namespace slicemill::controller {

class Tally {
 public:
  // Goes on from what the ledger has. Loop and writer outlive it.
  Tally(Loop& loop, LedgerWriter& writer, const LedgerHeader& header);

  // Slices between result and `done`.
  void begin(std::size_t slices = 1) { in_progress_ += slices; }
  void end(std::size_t slices = 1) { in_progress_ -= slices; }
  std::size_t in_progress() const { return in_progress_; }

  void add_refused() { ++counters_.refused; }
  void add_retry() { ++counters_.retries; }
  void set_subslices(std::uint64_t subslices) { counters_.subslices = subslices; }
  // The result has the sums of the span.
  void add_completed(const SliceSpan& span, const wire::SliceResult& result);
  void add_completed(const ActiveSlice& slice, const OutputFacts& output, std::uint64_t records_out);
  // For good. record: the one that is at fault, if it is known.
  void add_failed(const ActiveSlice& slice, const std::string& error, std::optional<QuarantinedRecord> record);
  // What the slice's workers read and what they refused: into the batch, which has to decide the slice too.
  void take_records(ActiveSlice& slice, const wire::SliceResult& result);
  // The slice was decided, and its output is lost: what it read will be read again.
  void forget_records(const CommittedSlice& lost);

  const SliceCounters& counters() const { return counters_; }
  // Of the source, see LedgerFigures.
  std::uint64_t completed_extent() const { return completed_extent_; }
  std::uint64_t failed_extent() const { return failed_extent_; }
  // Of this execution, as far as it is known: an earlier controller's is the caller's to tell.
  const std::optional<FirstError>& first_failure() const { return first_failure_; }
  const std::optional<FirstError>& first_quarantined() const { return first_quarantined_; }
  void set_first_failure(FirstError first) { first_failure_ = std::move(first); }
  void set_first_quarantined(FirstError first) { first_quarantined_ = std::move(first); }

 private:
  Loop& loop_;
  LedgerWriter& writer_;
  const std::uint16_t generation_;
  std::size_t in_progress_ = 0;
  SliceCounters counters_;
  std::uint64_t completed_extent_;
  std::uint64_t failed_extent_;
  std::optional<FirstError> first_failure_;
  std::optional<FirstError> first_quarantined_;
};

}  // namespace slicemill::controller
