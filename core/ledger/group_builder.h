// Turns the batches of one group into one RocksDB write: the only place that decides what a batch stores.
//
// Owner: RocksLedger's commit thread. It keeps what is open in memory and adds to each group what follows from its
// batches: changed intervals, ended creations, row counts, the index of error rows.
#pragma once

#include <rocksdb/write_batch.h>

#include <map>
#include <optional>

#include "core/ledger/ledger_codec.h"
#include "core/ledger/open_work.h"
#include "core/ledger/rocks_database.h"
#include "core/ledger/slice_ledger.h"
#include "core/runtime/result.h"

namespace slicemill {

class GroupBuilder {
 public:
  GroupBuilder(RocksDatabase& database, OpenWork work, ledger_codec::RowCounts row_counts, std::uint64_t quarantined);

  // internal: the batch breaks a promise of the seam (a run created twice, a row erased that nothing replaces, a row in
  // a state that rows do not have); io, corrupt: an earlier row could not be read. The group must not be written then.
  Result<void> add(const LedgerBatch& batch);
  // The group as a whole; valid until begin().
  rocksdb::WriteBatch& finish();
  void begin();

  // Requires: no group under way.
  const OpenWork& work() const { return work_; }
  SliceLedger::OpenCounts open_counts() const { return {row_counts_.error, row_counts_.start, work_.pending()}; }

 private:
  // What is stored of a row and must be undone when it changes.
  struct StoredRow {
    SliceState state = SliceState::error;
    WallMs updated_ms = 0;
  };

  Result<void> load_row(const SliceKey& key);
  void replace_row(const SliceKey& key, const OpenRow* row);
  void count(SliceState state, int step);

  RocksDatabase& database_;
  OpenWork work_;
  ledger_codec::RowCounts row_counts_;

  // ---- the group ----
  rocksdb::WriteBatch write_;
  std::map<SliceKey, std::optional<StoredRow>> rows_;  // as they stand; nothing: there is none
  bool row_counts_changed_ = false;
  std::map<std::uint32_t, SlicerPosition> positions_;
  std::optional<SliceCounters> counters_;
  std::uint64_t quarantined_ = 0;  // as stored, of all groups
  std::optional<WantedState> wanted_;
  std::optional<JoinRecord> joined_;
  std::optional<LedgerOutcome> outcome_;
  std::optional<Remarks> remarks_;
  std::optional<LedgerFigures> figures_;
  std::optional<std::vector<std::string>> notices_;
};

}  // namespace slicemill
