// WHERE QUARANTINED RECORDS COME BACK. In an execution that redrives, the quarantined records of earlier executions
// become slices: created and taken out of the quarantine in one batch, so a record is always in exactly one place. Loop
// thread; reading happens on the query executor.
//
// From its creation on such a slice is one like all others: it is replayed, retried, published and recorded by those
// who do that anyway, and what fails in it again is quarantined again. Streams: a page of records is in memory, no
// more.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/mended_records.h"
#include "core/runtime/loop.h"
#include "execution-controller/settlement/ledger_writer.h"

namespace slicemill::controller {

class Redrive {
 public:
  struct Hooks {
    std::function<void(OpenRange)> on_created;  // durable: may be dispatched
    std::function<void()> on_change;
    std::function<void(const Error&)> on_fatal;
  };

  // wanted: false in every execution that is no redrive; then there is nothing to do. sources: of the plan. chosen:
  // only these records run, with these bytes; nothing: all of them, as they are.
  Redrive(Loop& loop, const SliceLedger& ledger, LedgerWriter& writer, bool wanted, std::size_t sources,
          std::optional<MendedRecords> chosen, Hooks hooks);

  // Makes slices while fewer than `ahead` wait.
  void fill(std::uint64_t waiting, std::uint64_t ahead);
  void halt() { halted_ = true; }
  // Every record of earlier executions is in a slice.
  bool finished() const { return finished_; }

 private:
  // Leaves the chosen ones of earlier executions, mended.
  void choose(std::vector<QuarantineRow>& page) const;
  void page_read(Result<std::vector<QuarantineRow>> page);
  // The records as slices, by the slicer under whose name they are created: that of their source.
  std::vector<std::shared_ptr<SliceRun>> runs_of(const std::vector<QuarantineRow>& rows);
  // Each has records that enter at the same operation.
  static ListRequests slices_of(const std::vector<const QuarantineRow*>& rows);

  Loop& loop_;
  const SliceLedger& ledger_;
  LedgerWriter& writer_;
  std::optional<MendedRecords> chosen_;
  Hooks hooks_;
  std::map<std::uint32_t, SlicerPosition> positions_;  // of the slicers under whose names slices are created
  const bool is_by_slicer_;
  std::optional<QuarantinePlace> after_;
  bool reading_ = false;
  bool finished_ = false;
  bool halted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
