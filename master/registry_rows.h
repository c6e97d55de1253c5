// How rows of jobs and executions are read. Pure.
#pragma once

#include "core/runtime/result.h"
#include "master/registry.h"
#include "master/sqlite.h"

namespace slicemill::master {

// In the order in which the functions below read them.
inline constexpr const char* kJobColumns = "job_id, seq, name, active, deleted, deleted_on, created, updated, doc";
inline constexpr const char* kExecutionColumns =
    "ex_id, seq, job_id, name, status, reason, has_errors, stats, workers, deleted, deleted_on, created, updated, "
    "recovered_execution, cleanup, source_ledger, doc, failed, lineage, has_ledger, owns_staging";

// Requires: a row stands ready.
JobRow read_job(const Statement& row);
// corrupt: a status that is none.
Result<ExecutionRow> read_execution(const Statement& row);

}  // namespace slicemill::master
