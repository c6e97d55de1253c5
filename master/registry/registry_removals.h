// Executions that are removed from the registry: what of them is kept, and which have outlived the limits. Reads: any
// thread, through its own connection. Writes: the store executor.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/runtime/result.h"
#include "master/registry/registry.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

// The first column of every row that is left.
Result<std::vector<ExecutionId>> read_execution_ids(Statement& query);

Result<void> remove_execution(Database& database, const RegistryBatch::Removal& removal);
// Those of long ago whose lineage and place in their job nobody can ask for any more.
Result<void> forget_removed_executions(Database& database, WallMs now);
Result<void> disown_staging(Database& database);
Result<void> mark_freed(Database& database, const ExecutionId& id);

Result<std::optional<RemovedRow>> read_removed(Database& database, const ExecutionId& id);
Result<std::optional<RemovedRow>> read_latest_removed(Database& database, const JobId& id);
Result<std::vector<RemovedRow>> read_unfreed(Database& database);
Result<std::vector<Registry::Descent>> read_recoveries(Database& database, const JobId& id);
Result<std::vector<ExecutionId>> read_outlived(Database& database, const RetentionLimits& limits, WallMs now,
                                               std::int64_t most);
Result<std::vector<Registry::Ended>> read_ended(Database& database);

}  // namespace slicemill::master
