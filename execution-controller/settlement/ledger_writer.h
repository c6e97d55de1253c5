// Gathers what becomes durable together, and tells when it is. Loop thread.
//
// Everything that happens between two flushes is one atomic batch. At most two batches are under way, so batches grow
// with the load and an idle controller still syncs at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/loop.h"

namespace slicemill::controller {

class LedgerWriter {
 public:
  // Adds counters and figures as they are now.
  using Fill = std::function<void(LedgerBatch&)>;
  using OnFailure = std::function<void(const Error&)>;

  // on_synced: after each batch and those who waited for it; busy() may have ended.
  LedgerWriter(Loop& loop, SliceLedger& ledger, Fill fill, OnFailure on_failure, std::function<void()> on_synced);

  // The batch that is being gathered. Taking it schedules a flush.
  LedgerBatch& batch();
  // Adds the range to the batch being gathered.
  void settle(const SettledRange& range);
  // Runs once the batch being gathered is durable; not at all if the ledger fails.
  void after_sync(std::function<void()> then);
  // Changes with each flush: lets callers keep one group per batch.
  std::uint64_t serial() const { return serial_; }

  // True while something is not durable yet.
  bool busy() const { return gathering_ || in_flight_ > 0; }
  // Settled slices that wait for the disk: beyond a bound the dispatcher holds back credit.
  std::size_t unsynced_slices() const { return unsynced_slices_ + gathered_slices(); }
  const SliceCounters& durable_counters() const { return durable_; }
  const LedgerFigures& durable_figures() const { return durable_figures_; }

 private:
  void flush();
  std::size_t gathered_slices() const {
    return pending_.settled.size() + pending_.committed.size() + slices_in_ranges_;
  }

  // 15 members, since a batch is gathered while others are written, and what is durable is known beside what is not.
  Loop& loop_;
  SliceLedger& ledger_;
  Fill fill_;
  OnFailure on_failure_;
  std::function<void()> on_synced_;
  LedgerBatch pending_;
  std::size_t slices_in_ranges_ = 0;  // of pending_
  std::vector<std::function<void()>> then_;
  bool gathering_ = false;
  bool scheduled_ = false;
  bool failed_ = false;
  int in_flight_ = 0;
  std::size_t unsynced_slices_ = 0;
  std::uint64_t serial_ = 1;
  SliceCounters durable_;
  LedgerFigures durable_figures_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
