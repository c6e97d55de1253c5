#include "core/ledger/ledger_reading.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace slicemill::ledger_reading {
namespace codec = ledger_codec;
namespace {

// The decoded value of a fact; nothing if it was never written.
template <typename T>
Result<std::optional<T>> read_fact(const RocksDatabase& database, codec::Fact fact,
                                   Result<T> (*decode)(std::string_view, std::string_view)) {
  const std::string key = codec::fact_key(fact);
  ASSIGN_OR_RETURN(const std::optional<std::string> value, database.get(key));
  if (!value) return std::optional<T>();
  auto decoded = decode(key, *value);
  if (!decoded) return database.placed(decoded.error());
  return std::optional<T>(std::move(*decoded));
}

Error missing(const RocksDatabase& database, std::string_view what) {
  return database.placed(Error(ErrorCode::corrupt, std::string(what) + " is missing"));
}

// Calls visit(key, value) for each entry below the prefix; visit gives a Result<void>.
template <typename Visit>
Result<void> for_each(const RocksDatabase& database, char prefix, const Visit& visit,
                      const rocksdb::Snapshot* snapshot = nullptr) {
  PrefixScan scan(database, prefix, snapshot);
  for (scan.seek_first(); scan.valid(); scan.next()) {
    if (auto result = visit(scan.key(), scan.value()); !result) return database.placed(result.error());
  }
  return scan.status();
}

// Whether the list holds so much that the next value must wait for the next list.
template <typename Row>
bool is_full(const std::vector<Row>& list, std::size_t& bytes, std::string_view next) {
  bytes += next.size();
  return !list.empty() && bytes > SliceLedger::kListBytes;
}

// Visits entries of slices whose order is not settled: where it is, the scan jumps to the end of the interval.
template <typename DecodeKey, typename SeekKey, typename Visit>
Result<void> for_each_unsettled(const RocksDatabase& database, PrefixScan scan, const OpenWork& work,
                                const DecodeKey& decode_key, const SeekKey& seek_key, const Visit& visit) {
  scan.seek_first();
  while (scan.valid()) {
    const auto key = decode_key(scan.key());
    if (!key) return database.placed(key.error());
    const auto settled_until = work.settled_until(*key);
    if (settled_until && *settled_until < std::numeric_limits<std::uint64_t>::max()) {
      scan.seek(seek_key(series_of(*key), *settled_until + 1));
      continue;
    }
    if (!settled_until) {
      if (auto result = visit(*key, scan.key(), scan.value()); !result) return database.placed(result.error());
    }
    scan.next();
  }
  return scan.status();
}

}  // namespace

Result<LedgerHeader> header(const RocksDatabase& database) {
  ASSIGN_OR_RETURN(auto stored, read_fact(database, codec::Fact::header, codec::decode_header));
  if (!stored) return missing(database, "the header");
  ASSIGN_OR_RETURN(const auto epoch, read_fact(database, codec::Fact::epoch, codec::decode_epoch));
  if (!epoch) return missing(database, "the epoch");
  LedgerHeader header;
  header.lineage = std::move(stored->lineage);
  header.execution = std::move(stored->execution);
  header.cleanup = stored->cleanup;
  header.recovered = stored->recovered;
  header.created_ms = stored->created_ms;
  header.epoch = *epoch;
  ASSIGN_OR_RETURN(const auto counters, read_fact(database, codec::Fact::counters, codec::decode_counters));
  header.counters = counters.value_or(SliceCounters{});
  ASSIGN_OR_RETURN(const auto quarantined, read_fact(database, codec::Fact::quarantined, codec::decode_quarantined));
  header.counters.quarantined = quarantined.value_or(0);
  ASSIGN_OR_RETURN(const auto wanted, read_fact(database, codec::Fact::wanted, codec::decode_wanted));
  header.wanted = wanted.value_or(WantedState::running);
  ASSIGN_OR_RETURN(header.joined, read_fact(database, codec::Fact::joined, codec::decode_joined));
  ASSIGN_OR_RETURN(header.outcome, read_fact(database, codec::Fact::outcome, codec::decode_outcome));
  ASSIGN_OR_RETURN(auto remarks, read_fact(database, codec::Fact::remarks, codec::decode_remarks));
  if (remarks) header.remarks = std::move(*remarks);
  ASSIGN_OR_RETURN(auto figures, read_fact(database, codec::Fact::figures, codec::decode_figures));
  if (figures) header.figures = std::move(*figures);
  ASSIGN_OR_RETURN(auto notices, read_fact(database, codec::Fact::notices, codec::decode_notices));
  if (notices) header.notices = std::move(*notices);
  RETURN_IF_ERROR(
      for_each(database, codec::kPositions, [&](std::string_view key, std::string_view value) -> Result<void> {
        ASSIGN_OR_RETURN(const std::uint32_t slicer, codec::decode_position_key(key));
        ASSIGN_OR_RETURN(header.positions[slicer], codec::decode_position(key, value));
        return {};
      }));
  return header;
}

Result<codec::RowCounts> row_counts(const RocksDatabase& database) {
  ASSIGN_OR_RETURN(const auto counts, read_fact(database, codec::Fact::row_counts, codec::decode_row_counts));
  return counts.value_or(codec::RowCounts{});
}

Result<OpenWork> open_work(const RocksDatabase& database, const rocksdb::Snapshot* snapshot) {
  OpenWork work;
  RETURN_IF_ERROR(for_each(
      database, codec::kIntervals,
      [&](std::string_view key, std::string_view value) -> Result<void> {
        ASSIGN_OR_RETURN(const codec::SeriesPlace place, codec::decode_interval_key(key));
        ASSIGN_OR_RETURN(const IntervalSet::Interval interval, codec::decode_interval(key, value));
        if (!work.restore_settled(place.series, interval))
          return Error(ErrorCode::corrupt, "settled intervals overlap");
        return {};
      },
      snapshot));
  RETURN_IF_ERROR(for_each_unsettled(database, PrefixScan(database, codec::kRows, snapshot), work,
                                     codec::decode_row_key, codec::row_seek_key,
                                     [&](const SliceKey& slice, std::string_view, std::string_view) {
                                       work.restore_left(slice);
                                       return Result<void>();
                                     }));
  const auto restore_recommitted = [&](std::string_view key, std::string_view) -> Result<void> {
    ASSIGN_OR_RETURN(const SliceKey slice, codec::decode_recommitted_key(key));
    work.restore_recommitted(slice);
    return {};
  };
  RETURN_IF_ERROR(for_each(database, codec::kRecommitted, restore_recommitted, snapshot));
  const auto restore_run = [&](std::string_view key, std::string_view value) -> Result<void> {
    ASSIGN_OR_RETURN(const SliceRun run, codec::decode_creation(key, value));
    auto created = work.created({{run.generation, run.slicer}, run.first_order, run.count()});
    if (!created) return Error(ErrorCode::corrupt, created.error().message);
    return {};
  };
  RETURN_IF_ERROR(for_each(database, codec::kCreations, restore_run, snapshot));
  return work;
}

// Creations and rows are in the order of series, then of orders, so the first of each series comes first.
Result<SourceProgress> source_progress(const RocksDatabase& database) {
  rocksdb::ManagedSnapshot managed(&database.db());  // while the commit thread goes on
  const rocksdb::Snapshot* snapshot = managed.snapshot();
  SourceProgress progress;
  const auto take_position = [&](std::string_view key, std::string_view value) -> Result<void> {
    ASSIGN_OR_RETURN(const std::uint32_t slicer, codec::decode_position_key(key));
    ASSIGN_OR_RETURN(progress.positions[slicer], codec::decode_position(key, value));
    return {};
  };
  RETURN_IF_ERROR(for_each(database, codec::kPositions, take_position, snapshot));
  ASSIGN_OR_RETURN(const OpenWork work, open_work(database, snapshot));
  std::optional<SeriesKey> last;
  const auto take_run = [&](std::string_view key, std::string_view value) -> Result<void> {
    ASSIGN_OR_RETURN(const SliceRun run, codec::decode_creation(key, value));
    const SeriesKey series{run.generation, run.slicer};
    if (last == series) return {};
    const auto open = work.open_orders({series, run.first_order, run.count()});
    if (open.empty()) return {};
    last = series;
    progress.first_open.emplace_back(run.slicer, run.request(open.front().first - run.first_order));
    return {};
  };
  RETURN_IF_ERROR(for_each(database, codec::kCreations, take_run, snapshot));
  PrefixScan rows(database, codec::kRows, snapshot);
  for (rows.seek_first(); rows.valid();) {
    auto row = codec::decode_row(rows.key(), rows.value());
    if (!row) return database.placed(row.error());
    progress.first_open.emplace_back(row->key.slicer, std::move(row->request));
    rows.seek(codec::row_seek_key(series_of(row->key), std::numeric_limits<std::uint64_t>::max()));
  }
  RETURN_IF_ERROR(rows.status());
  return progress;
}

Result<std::vector<OpenRow>> rows(const RocksDatabase& database, const std::optional<SliceKey>& after,
                                  std::size_t limit) {
  std::vector<OpenRow> result;
  const std::string start = after ? codec::row_key(*after) : std::string(1, codec::kRows);
  PrefixScan scan(database, codec::kRows);
  std::size_t bytes = 0;
  for (scan.seek(start); scan.valid() && result.size() < limit; scan.next()) {
    if (scan.key() == start) continue;
    if (is_full(result, bytes, scan.value())) break;
    auto row = codec::decode_row(scan.key(), scan.value());
    if (!row) return database.placed(row.error());
    result.push_back(std::move(*row));
  }
  RETURN_IF_ERROR(scan.status());
  return result;
}

Result<std::vector<OpenRow>> errors(const RocksDatabase& database, std::uint64_t from, std::uint64_t size) {
  // Index and rows as of one moment, while the commit thread goes on.
  rocksdb::ManagedSnapshot snapshot(&database.db());
  std::vector<OpenRow> result;
  PrefixScan index(database, codec::kErrorIndex, snapshot.snapshot());
  std::uint64_t position = 0;
  std::size_t bytes = 0;
  for (index.seek_first(); index.valid() && result.size() < size; index.next()) {
    if (position++ < from) continue;
    const auto slice = codec::decode_error_index_key(index.key());
    if (!slice) return database.placed(slice.error());
    const std::string key = codec::row_key(*slice);
    ASSIGN_OR_RETURN(const std::optional<std::string> value, database.get(key, snapshot.snapshot()));
    if (!value) return missing(database, "a row that the error index names");
    if (is_full(result, bytes, *value)) break;
    auto row = codec::decode_row(key, *value);
    if (!row) return database.placed(row.error());
    result.push_back(std::move(*row));
  }
  RETURN_IF_ERROR(index.status());
  return result;
}

Result<std::vector<QuarantineRow>> quarantine(const RocksDatabase& database,
                                              const std::optional<QuarantinePlace>& after, std::uint64_t skip,
                                              std::uint64_t size) {
  std::vector<QuarantineRow> result;
  std::size_t bytes = 0;
  const std::string start = after ? codec::quarantine_key(*after) : std::string(1, codec::kQuarantine);
  PrefixScan scan(database, codec::kQuarantine);
  for (scan.seek(start); scan.valid() && result.size() < size; scan.next()) {
    if (scan.key() == start) continue;
    if (skip > 0) {
      --skip;
      continue;
    }
    if (is_full(result, bytes, scan.value())) break;
    auto row = codec::decode_quarantine(scan.key(), scan.value());
    if (!row) return database.placed(row.error());
    result.push_back(std::move(*row));
  }
  RETURN_IF_ERROR(scan.status());
  return result;
}

Result<std::vector<SliceTry>> tries(const RocksDatabase& database, std::uint64_t skip, std::uint64_t size) {
  std::vector<SliceTry> result;
  std::size_t bytes = 0;
  PrefixScan scan(database, codec::kTries);
  for (scan.seek(std::string(1, codec::kTries)); scan.valid() && result.size() < size; scan.next()) {
    if (skip > 0) {
      --skip;
      continue;
    }
    if (is_full(result, bytes, scan.value())) break;
    auto ended = codec::decode_try(scan.key(), scan.value());
    if (!ended) return database.placed(ended.error());
    result.push_back(std::move(*ended));
  }
  RETURN_IF_ERROR(scan.status());
  return result;
}

Result<std::uint32_t> quarantined_of(const RocksDatabase& database, const SliceKey& slice) {
  std::uint32_t count = 0;
  PrefixScan scan(database, codec::kQuarantine);
  for (scan.seek(codec::quarantine_key({slice, 0})); scan.valid(); scan.next(), ++count) {
    const auto place = codec::decode_quarantine_key(scan.key());
    if (!place) return database.placed(place.error());
    if (place->slice != slice) break;
  }
  RETURN_IF_ERROR(scan.status());
  return count;
}

Result<std::vector<OpenRange>> open_ranges(const RocksDatabase& database, const OpenWork& work) {
  std::vector<OpenRange> result;
  RETURN_IF_ERROR(
      for_each(database, codec::kCreations, [&](std::string_view key, std::string_view value) -> Result<void> {
        ASSIGN_OR_RETURN(SliceRun decoded, codec::decode_creation(key, value));
        const auto run = std::make_shared<const SliceRun>(std::move(decoded));
        const RunSpan span{{run->generation, run->slicer}, run->first_order, run->count()};
        for (const IntervalSet::Interval& open : work.open_orders(span)) {
          result.push_back({run, open.first - span.first, open.last - span.first + 1});
        }
        return {};
      }));
  return result;
}

Result<std::vector<CommittedOutput>> unpublished_outputs(const RocksDatabase& database, const OpenWork& work) {
  std::vector<CommittedOutput> result;
  const auto take = [&](const SliceKey&, std::string_view key, std::string_view value) -> Result<void> {
    ASSIGN_OR_RETURN(const CommittedOutput output, codec::decode_output(key, value));
    result.push_back(output);
    return {};
  };
  RETURN_IF_ERROR(for_each_unsettled(database, PrefixScan::outputs(database), work, codec::decode_output_key,
                                     codec::output_seek_key, take));
  PrefixScan outputs = PrefixScan::outputs(database);
  for (const SliceKey& slice : work.recommitted()) {
    const std::string key = codec::output_key(slice);
    outputs.seek(key);
    if (!outputs.valid() || outputs.key() != key) {
      RETURN_IF_ERROR(outputs.status());
      return missing(database, "an output that is said to be committed");
    }
    if (auto taken = take(slice, outputs.key(), outputs.value()); !taken) return database.placed(taken.error());
  }
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return result;
}

Result<void> for_each_output(const RocksDatabase& database, const std::atomic<bool>* stop,
                             const std::function<Result<void>(const CommittedOutput&)>& visit) {
  PrefixScan scan = PrefixScan::outputs(database);
  for (scan.seek_first(); scan.valid(); scan.next()) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
      return database.placed(Error(ErrorCode::cancelled, "is being closed"));
    }
    const auto output = codec::decode_output(scan.key(), scan.value());
    if (!output) return database.placed(output.error());
    RETURN_IF_ERROR(visit(*output));
  }
  return scan.status();
}

}  // namespace slicemill::ledger_reading
