#include "execution-controller/settlement/ledger_writer.h"

#include <utility>

namespace slicemill::controller {
namespace {
constexpr int kBatchesInFlight = 2;
}

LedgerWriter::LedgerWriter(Loop& loop, SliceLedger& ledger, Fill fill, OnFailure on_failure,
                           std::function<void()> on_synced)
    : loop_(loop),
      ledger_(ledger),
      fill_(std::move(fill)),
      on_failure_(std::move(on_failure)),
      on_synced_(std::move(on_synced)),
      durable_(ledger.header().counters),
      durable_figures_(ledger.header().figures) {}

LedgerBatch& LedgerWriter::batch() {
  gathering_ = true;
  if (!scheduled_ && in_flight_ < kBatchesInFlight) {
    scheduled_ = true;
    loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      scheduled_ = false;
      flush();
    });
  }
  return pending_;
}

void LedgerWriter::after_sync(std::function<void()> then) {
  batch();
  then_.push_back(std::move(then));
}

void LedgerWriter::settle(const SettledRange& range) {
  batch().settled_ranges.push_back(range);
  slices_in_ranges_ += range.count();
}

void LedgerWriter::flush() {
  if (!gathering_ || failed_ || in_flight_ >= kBatchesInFlight) return;
  const std::size_t slices = gathered_slices();
  LedgerBatch written = std::exchange(pending_, {});
  slices_in_ranges_ = 0;
  auto then = std::exchange(then_, {});
  gathering_ = false;
  ++serial_;
  ++in_flight_;
  fill_(written);
  const SliceCounters counters = written.counters.value_or(durable_);
  LedgerFigures figures = written.figures.value_or(durable_figures_);
  unsynced_slices_ += slices;
  ledger_.write(std::move(written), [this, alive = std::weak_ptr<bool>(alive_), counters, figures = std::move(figures),
                                     slices, then = std::move(then)](const Result<void>& synced) mutable {
    if (alive.expired()) return;
    --in_flight_;
    unsynced_slices_ -= slices;
    if (!synced) {
      const bool first = !std::exchange(failed_, true);
      if (first) on_failure_(synced.error());
      return;
    }
    durable_ = counters;
    durable_figures_ = std::move(figures);
    for (const auto& run : then) {
      run();
      if (alive.expired()) return;
    }
    if (gathering_) batch();
    on_synced_();
  });
}

}  // namespace slicemill::controller
