// How rows of jobs and executions are read. Pure.
#pragma once

#include "core/runtime/result.h"
#include "master/registry/registry.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

// In the order in which the functions below read them.
inline constexpr const char* kJobColumns =
    "job_id, seq, name, active, deleted, deleted_on, created, updated, doc, dialect";
inline constexpr const char* kExecutionColumns =
    "ex_id, seq, job_id, name, status, reason, has_errors, stats, workers, deleted, deleted_on, created, updated, "
    "recovered_execution, cleanup, source_ledger, doc, failed, lineage, has_ledger, owns_staging";

// The same with the beginning of the document, and its size behind all.
std::string beginning_columns(const char* columns);

// The same with an empty document.
std::string fact_columns(const char* columns);

// The statuses in which an execution has ended, as words of an SQL list; and those in which it lives.
std::string ended_status_words();
std::string live_status_words();

// Requires: a row stands ready, of all columns; of those of a beginning if that is said.
JobRow read_job(const Statement& row, bool is_beginning = false);
// corrupt: a status that is none.
Result<ExecutionRow> read_execution(const Statement& row, bool is_beginning = false);

}  // namespace slicemill::master
