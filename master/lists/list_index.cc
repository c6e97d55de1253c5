#include "master/lists/list_index.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "core/query/field.h"
#include "core/runtime/text.h"
#include "master/executions/execution_documents.h"
#include "master/lists/list_words.h"
#include "master/registry/registry_rows.h"

namespace slicemill::master {

namespace {

using query::Field;
using query::FieldRole;
using query::FieldType;

// Values that are the same for every row of an index, or that are kept in another form. "": the field has a column.
std::string_view computed(const Field& field) {
  if (field.role == FieldRole::kind) return "context";
  return field.role == FieldRole::deleted ? "nullif(deleted, 0)" : "";
}

std::string column_name(std::string_view name) {
  return fmt::format("\"{}\"", name);
}

// Stored in its own column, not computed from others.
bool is_stored(const Field& field) {
  return computed(field).empty();
}

void bind_value(Statement& statement, int position, const query::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    statement.bind(position, *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    statement.bind(position, *text);
  }  // else NULL, which a fresh parameter is
}

// deleted, then further columns of the table, then every stored field.
std::string put_sql(const char* table, std::string_view further, int further_count, std::span<const Field> fields) {
  std::string columns;
  int count = 2 + further_count;
  auto add = [&](const std::string& column) {
    columns += ", " + column;
    ++count;
  };
  for (const Field& field : fields) {
    if (!is_stored(field)) continue;
    add(sort_column_of(field));
    if (field.type == FieldType::text) add(column_of(field));
  }
  std::string parameters;
  for (int i = 1; i <= count; ++i) parameters += fmt::format("{}?{}", i == 1 ? "" : ", ", i);
  return fmt::format("INSERT OR REPLACE INTO {0} (seq, deleted{1}{2}) VALUES ({3})", table, further, columns,
                     parameters);
}

void bind_fields(Statement& put, int position, std::span<const Field> fields, const Json& document) {
  for (const Field& field : fields) {
    if (!is_stored(field)) continue;
    bind_value(put, position++, query::sort_value_of(field, document));
    if (field.type == FieldType::text) bind_value(put, position++, query::value_of(field, document));
  }
}

}  // namespace

std::string column_of(const Field& field) {
  if (!is_stored(field)) return std::string(computed(field));
  return column_name(field.type == FieldType::text ? fmt::format("{} words", field.name) : std::string(field.name));
}

std::string sort_column_of(const Field& field) {
  return field.type == FieldType::text ? column_name(field.name) : column_of(field);
}

ListIndex::ListIndex(const JobDialect& dialect)
    : dialect_(dialect),
      put_job_(put_sql("job_index", ", listed_active", 1, dialect.job_fields())),
      put_execution_(put_sql("execution_index", "", 0, dialect.execution_fields())) {
  const auto fields = dialect.execution_fields();
  const auto column = [&](FieldRole role) { return column_of(*query::find_field(fields, role)); };
  const Field& reason = *query::find_field(fields, FieldRole::reason);
  put_state_ = fmt::format(
      "UPDATE execution_index SET {} = ?2, {} = ?3, {} = ?4, {} = ?5, {} = ?6 WHERE seq = (SELECT seq FROM executions "
      "WHERE ex_id = ?1)",
      column(FieldRole::status), column(FieldRole::updated), column(FieldRole::has_errors), sort_column_of(reason),
      column_of(reason));
  mark_deleted_ = fmt::format("UPDATE execution_index SET deleted = 1, {} = ?2, {} = ?2 WHERE {} = ?1 AND deleted = 0",
                              column(FieldRole::deleted_on), column(FieldRole::updated), column(FieldRole::job_id));
}

Result<void> ListIndex::put_job(Database& database, const JobRow& row) const {
  ASSIGN_OR_RETURN(const Json document, job_document(row, dialect_));
  RETURN_IF_ERROR(put_values(database, row, document));
  return put_words(database, ListKind::jobs, row.seq, dialect_.search_texts(document), "");
}

Result<void> ListIndex::put_execution(Database& database, const ExecutionRow& row) const {
  ASSIGN_OR_RETURN(Json document, execution_document(row, dialect_));
  const SearchTexts texts = dialect_.search_texts(document);
  RETURN_IF_ERROR(put_values(database, row, std::move(document)));
  return put_words(database, ListKind::executions, row.seq, texts, dialect_.shown_reason(row.ex_id, row.reason));
}

Result<void> ListIndex::put_values(Database& database, const JobRow& row, const Json& document) const {
  ASSIGN_OR_RETURN(Statement put, database.statement(put_job_));
  put.bind(1, row.seq);
  put.bind(2, row.deleted ? 1 : 0);
  put.bind(3, row.active ? 1 : 0);
  bind_fields(put, 4, dialect_.job_fields(), document);
  return put.run();
}

Result<void> ListIndex::put_values(Database& database, const ExecutionRow& row, Json document) const {
  const auto fields = dialect_.execution_fields();
  document[std::string(query::find_field(fields, FieldRole::ex_id)->name)] = row.ex_id.text;
  document[std::string(query::find_field(fields, FieldRole::job_id)->name)] = row.job_id.text;
  ASSIGN_OR_RETURN(Statement put, database.statement(put_execution_));
  put.bind(1, row.seq);
  put.bind(2, row.deleted ? 1 : 0);
  bind_fields(put, 3, fields, document);
  return put.run();
}

Result<void> ListIndex::put_state(Database& database, const ExecutionState& state) const {
  ASSIGN_OR_RETURN(Statement put, database.statement(put_state_));
  put.bind(1, state.ex_id.text);
  put.bind(2, to_string(state.status));
  put.bind(3, state.updated);
  put.bind(4, state.has_errors ? 1 : 0);
  const std::string reason = dialect_.shown_reason(state.ex_id, state.reason);
  put.bind(5, reason);
  put.bind(6, query::words_of(reason));
  RETURN_IF_ERROR(put.run());
  return put_words_of_reason(database, state.ex_id, reason);
}

Result<void> ListIndex::mark_deleted(Database& database, const JobId& job_id, WallMs at) const {
  ASSIGN_OR_RETURN(Statement mark, database.statement(mark_deleted_));
  mark.bind(1, job_id.text);
  mark.bind(2, at);
  return mark.run();
}

Result<void> unindex_execution(Database& database, std::int64_t seq) {
  {
    ASSIGN_OR_RETURN(Statement erase, database.statement("DELETE FROM execution_index WHERE seq = ?1"));
    erase.bind(1, seq);
    RETURN_IF_ERROR(erase.run());
  }
  return forget_words(database, ListKind::executions, seq);
}

Result<void> ListIndex::rebuild(Database& database) const {
  RETURN_IF_ERROR(database.execute("DELETE FROM job_index; DELETE FROM execution_index"));
  ASSIGN_OR_RETURN(Statement jobs, database.statement(fmt::format("SELECT {} FROM jobs", kJobColumns)));
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, jobs.step());
    if (!more) break;
    const JobRow row = read_job(jobs);
    ASSIGN_OR_RETURN(const Json document, job_document(row, dialect_));
    RETURN_IF_ERROR(put_values(database, row, document));
  }
  ASSIGN_OR_RETURN(Statement executions,
                   database.statement(fmt::format("SELECT {} FROM executions", kExecutionColumns)));
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, executions.step());
    if (!more) return {};
    ASSIGN_OR_RETURN(const ExecutionRow row, read_execution(executions));
    ASSIGN_OR_RETURN(Json document, execution_document(row, dialect_));
    RETURN_IF_ERROR(put_values(database, row, std::move(document)));
  }
}

}  // namespace slicemill::master
