#include "master/registry/registry_removals.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/runtime/json.h"
#include "master/lists/list_index.h"
#include "master/registry/registry_rows.h"

namespace slicemill::master {

namespace {

constexpr const char* kRemovedColumns =
    "SELECT ex_id, seq, job_id, source_ledger, lineage, has_ledger, at, staging, freed FROM removed_executions";
constexpr WallMs kRemembered = 90LL * 24 * 3'600 * 1'000;

// A newer one of its job, whatever became of that; or the job is deleted.
constexpr const char* kHasNewer =
    "(deleted = 1 OR EXISTS (SELECT 1 FROM executions newer WHERE newer.job_id = executions.job_id AND "
    "newer.seq > executions.seq))";

// One path as it is, several as a JSON array: paths are absolute.
std::string text_of_staging(const std::vector<std::string>& directories) {
  if (directories.size() > 1) return to_compact_text(directories);
  return directories.empty() ? std::string() : directories.front();
}

std::vector<std::string> staging_of_text(const std::string& text) {
  if (text.empty()) return {};
  if (text.front() != '[') return {text};
  std::vector<std::string> directories;
  if (const auto list = parse_json(text); list && list->is_array())
    for (const Json& directory : *list) directories.push_back(directory.get<std::string>());
  return directories;
}

RemovedRow read_removed_row(const Statement& row) {
  return {ExecutionId(row.text(0)), row.integer(1),      JobId(row.text(2)), ExecutionId(row.text(3)),
          ExecutionId(row.text(4)), row.integer(5) != 0, row.integer(6),     staging_of_text(row.text(7)),
          row.integer(8) != 0};
}

Result<void> run_for(Database& database, const char* sql, const std::string& id) {
  ASSIGN_OR_RETURN(Statement statement, database.statement(sql));
  statement.bind(1, id);
  return statement.run();
}

Result<void> append_ids(Database& database, const std::string& sql, std::int64_t limit, std::int64_t most,
                        std::vector<ExecutionId>& ids) {
  ASSIGN_OR_RETURN(Statement query, database.statement(sql));
  query.bind(1, limit);
  query.bind(2, most);
  ASSIGN_OR_RETURN(auto found, read_execution_ids(query));
  for (auto& id : found)
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(std::move(id));
  return {};
}

}  // namespace

Result<std::vector<ExecutionId>> read_execution_ids(Statement& query) {
  std::vector<ExecutionId> ids;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return ids;
    ids.emplace_back(query.text(0));
  }
}

Result<void> remove_execution(Database& database, const RegistryBatch::Removal& removal) {
  const std::string& id = removal.ex_id.text;
  {
    ASSIGN_OR_RETURN(Statement keep,
                     database.statement("INSERT OR IGNORE INTO removed_executions "
                                        "SELECT ex_id, seq, job_id, source_ledger, lineage, has_ledger, ?2, ?3, 0 "
                                        "FROM executions WHERE ex_id = ?1"));
    keep.bind(1, id);
    keep.bind(2, removal.at);
    keep.bind(3, text_of_staging(removal.staging));
    RETURN_IF_ERROR(keep.run());
  }
  RETURN_IF_ERROR(unindex_execution(database, removal.seq));
  RETURN_IF_ERROR(run_for(database, "DELETE FROM history WHERE ex_id = ?1", id));
  RETURN_IF_ERROR(run_for(database, "DELETE FROM execution_specs WHERE ex_id = ?1", id));
  return run_for(database, "DELETE FROM executions WHERE ex_id = ?1", id);
}

Result<void> forget_removed_executions(Database& database, WallMs now) {
  ASSIGN_OR_RETURN(
      Statement forget,
      database.statement("DELETE FROM removed_executions WHERE freed = 1 AND at < ?1 "
                         "AND NOT EXISTS (SELECT 1 FROM executions WHERE lineage = removed_executions.lineage) "
                         "AND (EXISTS (SELECT 1 FROM executions WHERE job_id = removed_executions.job_id AND seq > "
                         "removed_executions.seq) "
                         "OR EXISTS (SELECT 1 FROM jobs WHERE job_id = removed_executions.job_id AND deleted = 1))"));
  forget.bind(1, now - kRemembered);
  return forget.run();
}

Result<void> disown_staging(Database& database) {
  RETURN_IF_ERROR(database.execute("UPDATE executions SET owns_staging = 0"));
  return database.execute("UPDATE removed_executions SET staging = '' WHERE freed = 0");
}

Result<void> mark_freed(Database& database, const ExecutionId& id) {
  return run_for(database, "UPDATE removed_executions SET freed = 1 WHERE ex_id = ?1", id.text);
}

Result<std::optional<RemovedRow>> read_removed(Database& database, const ExecutionId& id) {
  ASSIGN_OR_RETURN(Statement query, database.statement(fmt::format("{} WHERE ex_id = ?1", kRemovedColumns)));
  query.bind(1, id.text);
  ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found) return std::optional<RemovedRow>();
  return std::optional(read_removed_row(query));
}

Result<std::optional<RemovedRow>> read_latest_removed(Database& database, const JobId& id) {
  ASSIGN_OR_RETURN(Statement query,
                   database.statement(fmt::format("{} WHERE job_id = ?1 ORDER BY seq DESC LIMIT 1", kRemovedColumns)));
  query.bind(1, id.text);
  ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found) return std::optional<RemovedRow>();
  return std::optional(read_removed_row(query));
}

Result<std::vector<RemovedRow>> read_unfreed(Database& database) {
  ASSIGN_OR_RETURN(Statement query, database.statement(fmt::format("{} WHERE freed = 0 ORDER BY at", kRemovedColumns)));
  std::vector<RemovedRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return rows;
    rows.push_back(read_removed_row(query));
  }
}

Result<std::vector<Registry::Descent>> read_recoveries(Database& database, const JobId& id) {
  ASSIGN_OR_RETURN(Statement query,
                   database.statement("SELECT ex_id, source_ledger, has_ledger, 0, seq FROM executions "
                                      "WHERE job_id = ?1 AND source_ledger <> '' "
                                      "UNION ALL SELECT ex_id, source_ledger, has_ledger, 1, seq "
                                      "FROM removed_executions WHERE job_id = ?1 AND source_ledger <> '' "
                                      "ORDER BY 5"));
  query.bind(1, id.text);
  std::vector<Registry::Descent> list;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, query.step());
    if (!found) return list;
    list.push_back(
        {ExecutionId(query.text(0)), ExecutionId(query.text(1)), query.integer(2) != 0, query.integer(3) != 0});
  }
}

Result<std::vector<ExecutionId>> read_outlived(Database& database, const RetentionLimits& limits, WallMs now,
                                               std::int64_t most) {
  std::vector<ExecutionId> ids;
  if (limits.deleted_age_ms > 0)
    RETURN_IF_ERROR(append_ids(database,
                               fmt::format("SELECT ex_id FROM executions WHERE deleted = 1 AND deleted_on < ?1 AND "
                                           "status IN ({}) ORDER BY seq LIMIT ?2",
                                           ended_status_words()),
                               now - limits.deleted_age_ms, most, ids));
  if (limits.age_ms > 0)
    RETURN_IF_ERROR(append_ids(
        database,
        fmt::format("SELECT ex_id FROM executions WHERE status IN ({}) AND updated < ?1 AND {} ORDER BY seq LIMIT ?2",
                    ended_status_words(), kHasNewer),
        now - limits.age_ms, most, ids));
  if (limits.count > 0)
    RETURN_IF_ERROR(append_ids(
        database,
        fmt::format("SELECT ex_id FROM (SELECT ex_id, seq, row_number() OVER (PARTITION BY job_id ORDER BY seq DESC) "
                    "AS place FROM executions WHERE status IN ({})) WHERE place > ?1 ORDER BY seq LIMIT ?2",
                    ended_status_words()),
        limits.count, most, ids));
  return ids;
}

Result<std::vector<Registry::Ended>> read_ended(Database& database) {
  ASSIGN_OR_RETURN(Statement query,
                   database.statement(fmt::format("SELECT ex_id, {} FROM executions WHERE status IN ({}) ORDER BY seq",
                                                  kHasNewer, ended_status_words())));
  std::vector<Registry::Ended> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return rows;
    rows.push_back({ExecutionId(query.text(0)), query.integer(1) == 0});
  }
}

}  // namespace slicemill::master
