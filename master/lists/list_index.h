// The narrow tables that lists are filtered and sorted by: one row per job and per execution with the values of the
// indexed fields (the dialect names them), so that a list of 100,000 reads no documents but those of its page.
//
// Part of the registry: rows are written in the transaction that writes the job or execution, on the store executor.
// Each write gives its row a stamp above all of that table, which tells the reading side (master/lists/list_columns.h)
// what is new.
#pragma once

#include <string>

#include "core/model/job_dialect.h"
#include "core/query/field.h"
#include "core/runtime/result.h"
#include "master/registry/registry.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

// Which fields there are, and where documents have their values. Const members: any thread.
class ListIndex {
 public:
  explicit ListIndex(const JobDialect& dialect);

  // A job or execution is put, its state changes, executions of a job are marked deleted.
  Result<void> put_job(Database& database, const JobRow& row) const;
  Result<void> put_execution(Database& database, const ExecutionRow& row) const;
  Result<void> put_state(Database& database, const ExecutionState& state) const;
  Result<void> mark_deleted(Database& database, const JobId& job_id, WallMs at) const;

  // Puts every job and execution again: after the columns of the indexes changed.
  Result<void> rebuild(Database& database) const;

  const JobDialect& dialect() const { return dialect_; }

 private:
  const JobDialect& dialect_;
  std::string put_job_, put_execution_, put_state_, mark_deleted_;  // SQL
};

// An execution is removed. Stamps go on rising: the newest row that is left takes over the highest.
Result<void> unindex_execution(Database& database, std::int64_t seq);

// What stands for a field in SQL, in either table.
std::string column_of(const query::Field& field);       // as value_of() gives it
std::string sort_column_of(const query::Field& field);  // as sort_value_of() gives it

}  // namespace slicemill::master
