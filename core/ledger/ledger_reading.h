// Questions to a stored ledger, answered by scans of bounded memory. Used by the writer and by views.
//
// Any thread. Errors name directory and key; a value that does not decode is `corrupt`.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <vector>

#include "core/ledger/ledger_codec.h"
#include "core/ledger/open_work.h"
#include "core/ledger/rocks_database.h"
#include "core/ledger/slice_ledger.h"
#include "core/runtime/result.h"

namespace slicemill::ledger_reading {

Result<LedgerHeader> header(const RocksDatabase& database);
Result<ledger_codec::RowCounts> row_counts(const RocksDatabase& database);
// Costs what is open: creations, intervals, and the rows in their gaps.
Result<OpenWork> open_work(const RocksDatabase& database, const rocksdb::Snapshot* snapshot = nullptr);
Result<SourceProgress> source_progress(const RocksDatabase& database);

Result<std::vector<OpenRow>> rows(const RocksDatabase& database, const std::optional<SliceKey>& after,
                                  std::size_t limit);
Result<std::vector<OpenRow>> errors(const RocksDatabase& database, std::uint64_t from, std::uint64_t size);
Result<std::vector<QuarantineRow>> quarantine(const RocksDatabase& database,
                                              const std::optional<QuarantinePlace>& after, std::uint64_t skip,
                                              std::uint64_t size);
Result<std::vector<SliceTry>> tries(const RocksDatabase& database, std::uint64_t skip, std::uint64_t size);
Result<std::uint32_t> quarantined_of(const RocksDatabase& database, const SliceKey& slice);
Result<std::vector<OpenRange>> open_ranges(const RocksDatabase& database, const OpenWork& work);
// Seeks over settled intervals: costs the gaps, not the outputs.
Result<std::vector<CommittedOutput>> unpublished_outputs(const RocksDatabase& database, const OpenWork& work);
// Ends with `cancelled` once *stop is set.
Result<void> for_each_output(const RocksDatabase& database, const std::atomic<bool>* stop,
                             const std::function<Result<void>(const CommittedOutput&)>& visit);

}  // namespace slicemill::ledger_reading
