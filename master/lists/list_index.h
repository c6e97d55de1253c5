// The narrow tables that lists are filtered and sorted by: one row per job and per execution with the values of the
// indexed fields (the dialect names them), so that a list of 100,000 reads no documents but those of its page.
//
// Part of the registry: rows are written in the transaction that writes the job or execution, on the store executor,
// and their words with them (master/lists/list_words.h). Lists are found by master/lists/list_search.h.
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

  // Puts the values of every job and execution again, without their words: after the columns of the tables changed.
  Result<void> rebuild(Database& database) const;

  const JobDialect& dialect() const { return dialect_; }

 private:
  Result<void> put_values(Database& database, const JobRow& row, const Json& document) const;
  Result<void> put_values(Database& database, const ExecutionRow& row, Json document) const;

  const JobDialect& dialect_;
  std::string put_job_, put_execution_, put_state_, mark_deleted_;  // SQL
};

// An execution is removed.
Result<void> unindex_execution(Database& database, std::int64_t seq);

// What stands for a field in SQL, in either table.
std::string column_of(const query::Field& field);       // as value_of() gives it
std::string sort_column_of(const query::Field& field);  // as sort_value_of() gives it

}  // namespace slicemill::master
