#include "core/ledger/group_builder.h"

#include <fmt/core.h>

#include <utility>

namespace slicemill {
namespace codec = ledger_codec;
namespace {

constexpr std::size_t kKeptBytes = 1 << 20;  // a larger write buffer is given back after its group

// RocksDB refuses a write only if the batch had a size limit or timestamps; ours has neither.
void put(rocksdb::WriteBatch& write, const std::string& key, const std::string& value) {
  write.Put(key, value).PermitUncheckedError();
}

}  // namespace

GroupBuilder::GroupBuilder(RocksDatabase& database, OpenWork work, codec::RowCounts row_counts,
                           std::uint64_t quarantined)
    : database_(database), work_(std::move(work)), row_counts_(row_counts), quarantined_(quarantined) {}

Result<void> GroupBuilder::add(const LedgerBatch& batch) {
  for (const SliceRun& run : batch.created) {
    const SeriesKey series{run.generation, run.slicer};
    RETURN_IF_ERROR(work_.created({series, run.first_order, run.count()}));
    const std::string key = codec::creation_key(series, run.first_order);
    put(write_, key, codec::encode_creation(key, run));
  }
  // Before anything is settled or leaves: until then a slice of an open run is known to have no row.
  for (const OpenRow& row : batch.rows) RETURN_IF_ERROR(load_row(row.key));
  for (const SliceKey& key : batch.erased_rows) RETURN_IF_ERROR(load_row(key));

  for (const CommittedOutput& output : batch.committed) {
    const std::string key = codec::output_key(output.key);
    write_.Put(database_.outputs(), key, codec::encode_output(key, output)).PermitUncheckedError();
    work_.commit(output.key);
  }
  for (const SliceKey& key : batch.settled) work_.settle(key);
  for (const SettledRange& range : batch.settled_ranges)
    work_.settle({range.generation, range.slicer}, range.first, range.last);
  for (const OpenRow& row : batch.rows) {
    if (row.state != SliceState::error && row.state != SliceState::start) {
      return Error(ErrorCode::internal, fmt::format("slice {}/{}/{}: a row cannot be in state {}", row.key.generation,
                                                    row.key.slicer, row.key.order, to_string(row.state)));
    }
    work_.leave(row.key);
    replace_row(row.key, &row);
  }
  for (const SliceKey& key : batch.erased_rows) {
    RETURN_IF_ERROR(work_.forget(key));
    replace_row(key, nullptr);
  }
  for (const QuarantinePlace& place : batch.released)
    write_.Delete(codec::quarantine_key(place)).PermitUncheckedError();
  for (const QuarantineRow& row : batch.quarantined) {
    const std::string key = codec::quarantine_key(row.at);
    put(write_, key, codec::encode_quarantine(key, row));
  }
  for (const SliceTry& ended : batch.tries) {
    const std::string key = codec::try_key(ended.key, ended.attempt);
    put(write_, key, codec::encode_try(key, ended));
  }
  for (const auto& [slicer, position] : batch.positions) positions_[slicer] = position;
  if (batch.counters) counters_ = batch.counters;
  if (batch.wanted) wanted_ = batch.wanted;
  if (batch.joined) joined_ = batch.joined;
  if (batch.outcome) outcome_ = batch.outcome;
  if (batch.remarks) remarks_ = batch.remarks;
  if (batch.figures) figures_ = batch.figures;
  if (batch.notices) notices_ = batch.notices;
  return {};
}

Result<void> GroupBuilder::load_row(const SliceKey& key) {
  const auto [entry, is_new] = rows_.try_emplace(key);
  if (!is_new || !work_.may_have_row(key)) return {};
  const std::string stored_key = codec::row_key(key);
  ASSIGN_OR_RETURN(const std::optional<std::string> value, database_.get(stored_key));
  if (!value) return {};
  const auto row = codec::decode_row(stored_key, *value);
  if (!row) return database_.placed(row.error());
  entry->second = StoredRow{row->state, row->updated_ms};
  return {};
}

void GroupBuilder::replace_row(const SliceKey& key, const OpenRow* row) {
  std::optional<StoredRow>& stored = rows_[key];
  const std::string stored_key = codec::row_key(key);
  if (stored) {
    count(stored->state, -1);
    if (stored->state == SliceState::error) {
      write_.Delete(codec::error_index_key(stored->updated_ms, key)).PermitUncheckedError();
    }
  }
  if (row == nullptr) {
    if (stored) write_.Delete(stored_key).PermitUncheckedError();
    stored.reset();
    return;
  }
  count(row->state, +1);
  put(write_, stored_key, codec::encode_row(stored_key, *row));
  if (row->state == SliceState::error) put(write_, codec::error_index_key(row->updated_ms, key), "");
  stored = StoredRow{row->state, row->updated_ms};
}

void GroupBuilder::count(SliceState state, int step) {
  std::uint64_t& number = state == SliceState::error ? row_counts_.error : row_counts_.start;
  number += static_cast<std::uint64_t>(static_cast<std::int64_t>(step));
  row_counts_changed_ = true;
}

rocksdb::WriteBatch& GroupBuilder::finish() {
  OpenWork::Changes changes = work_.take_changes();
  for (const auto& [series, settled] : changes.series) {
    for (const std::uint64_t first : settled.erase)
      write_.Delete(codec::interval_key(series, first)).PermitUncheckedError();
    for (const IntervalSet::Interval& interval : settled.put) {
      const std::string key = codec::interval_key(series, interval.first);
      put(write_, key, codec::encode_interval(key, interval.last));
    }
  }
  for (const SliceKey& key : changes.recommitted_put) put(write_, codec::recommitted_key(key), "");
  for (const SliceKey& key : changes.recommitted_erase)
    write_.Delete(codec::recommitted_key(key)).PermitUncheckedError();
  // A creation is put once and erased once. Told so, RocksDB drops both as soon as they meet and leaves no tombstones
  // to scan over.
  for (const RunSpan& run : changes.ended_runs) {
    write_.SingleDelete(codec::creation_key(run.series, run.first)).PermitUncheckedError();
  }
  for (const auto& [slicer, position] : positions_) {
    const std::string key = codec::position_key(slicer);
    put(write_, key, codec::encode_position(key, position));
  }
  const auto put_fact = [&](codec::Fact fact, const auto& value, auto* encode) {
    const std::string key = codec::fact_key(fact);
    put(write_, key, encode(key, value));
  };
  if (counters_) put_fact(codec::Fact::counters, *counters_, codec::encode_counters);
  // Most executions have none; theirs is a ledger without the fact.
  if (counters_ && counters_->quarantined != quarantined_) {
    quarantined_ = counters_->quarantined;
    put_fact(codec::Fact::quarantined, quarantined_, codec::encode_quarantined);
  }
  if (wanted_) put_fact(codec::Fact::wanted, *wanted_, codec::encode_wanted);
  if (joined_) put_fact(codec::Fact::joined, *joined_, codec::encode_joined);
  if (outcome_) put_fact(codec::Fact::outcome, *outcome_, codec::encode_outcome);
  if (remarks_) put_fact(codec::Fact::remarks, *remarks_, codec::encode_remarks);
  if (figures_) put_fact(codec::Fact::figures, *figures_, codec::encode_figures);
  if (notices_) put_fact(codec::Fact::notices, *notices_, codec::encode_notices);
  if (row_counts_changed_) put_fact(codec::Fact::row_counts, row_counts_, codec::encode_row_counts);
  return write_;
}

void GroupBuilder::begin() {
  if (write_.GetDataSize() > kKeptBytes) {
    write_ = rocksdb::WriteBatch();
  } else {
    write_.Clear();
  }
  rows_.clear();
  row_counts_changed_ = false;
  positions_.clear();
  counters_.reset();
  wanted_.reset();
  joined_.reset();
  outcome_.reset();
  remarks_.reset();
  figures_.reset();
  notices_.reset();
}

}  // namespace slicemill
