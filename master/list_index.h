// The narrow tables that lists are filtered and sorted by: one row per job and per execution with the values of the
// indexed fields (core/query/field.h), so that a list of 100,000 reads no documents but those of its page.
//
// Part of the registry: rows are written in the transaction that writes the job or execution, on the store lane; lists
// run on the reading connection.
//
// A list without conditions walks an index in its order. One with conditions reads the narrow table once and keeps the
// best rows: its time does not depend on how many rows match, as it would with an index on each field.
#pragma once

#include <cstdint>
#include <vector>

#include "core/model/commands.h"
#include "core/runtime/result.h"
#include "master/registry.h"
#include "master/sqlite.h"

namespace slicemill::master {

// A job or execution is put, its state changes, executions of a job are marked deleted.
Result<void> index_job(Database& database, const JobRow& row);
Result<void> index_execution(Database& database, const ExecutionRow& row);
Result<void> index_state(Database& database, const ExecutionState& state);
Result<void> index_deletion(Database& database, const JobId& job_id, WallMs at);

// Puts every job and execution again: after the columns of the indexes changed.
Result<void> rebuild_list_index(Database& database);

// Sequence numbers in the order of the list. Requires: add_filter_functions was called for the connection.
Result<std::vector<std::int64_t>> listed_jobs(Database& database, const ListQuery& query);
Result<std::vector<std::int64_t>> listed_executions(Database& database, const ListQuery& query);

}  // namespace slicemill::master
