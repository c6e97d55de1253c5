#include "master/registry/registry_views.h"

#include <fmt/core.h>

#include <string>

#include "master/lists/list_search.h"

namespace slicemill::master {
namespace {

// A row of an execution is written with each report too: when its status changed stands in its history.
constexpr const char* kViews =
    "SELECT j.job_id, j.seq, j.name, j.created, j.updated, e.ex_id, e.status, e.reason, e.created, e.has_ledger, "
    "coalesce((SELECT at FROM history h WHERE h.ex_id = e.ex_id ORDER BY h.id DESC LIMIT 1), e.updated) "
    "FROM jobs j LEFT JOIN executions e "
    "ON e.ex_id = (SELECT ex_id FROM executions x WHERE x.job_id = j.job_id ORDER BY x.seq DESC LIMIT 1) "
    "WHERE j.seq = ?1 AND j.deleted = ?2";

Result<ExecutionStatus> status_of(const Statement& row, int column, const std::string& id) {
  const auto status = parse_execution_status(row.view(column));
  if (!status)
    return Error{ErrorCode::corrupt, fmt::format("execution {}: unknown status \"{}\"", id, row.text(column))};
  return *status;
}

// Requires: a row of kViews stands ready.
Result<JobView> read_view(const Statement& row) {
  JobView job;
  job.job_id = JobId(row.text(0));
  job.number = row.integer(1);
  job.name = row.text(2);
  job.created = row.integer(3);
  job.updated = row.integer(4);
  if (row.is_null(5)) return job;
  ExecutionView execution;
  execution.ex_id = ExecutionId(row.text(5));
  ASSIGN_OR_RETURN(execution.status, status_of(row, 6, execution.ex_id.text));
  execution.reason = row.text(7);
  execution.created = row.integer(8);
  execution.has_ledger = row.integer(9) != 0;
  execution.changed = row.integer(10);
  job.execution = std::move(execution);
  return job;
}

Result<std::optional<JobView>> read_view_of(Database& database, std::int64_t number, bool deleted) {
  ASSIGN_OR_RETURN(Statement query, database.statement(kViews));
  query.bind(1, number);
  query.bind(2, deleted ? 1 : 0);
  ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found) return std::optional<JobView>();
  ASSIGN_OR_RETURN(JobView job, read_view(query));
  return std::optional(std::move(job));
}

}  // namespace

Result<ListedJobs> read_job_views(Database& database, const ListQuery& query, std::span<const query::Field> fields) {
  ASSIGN_OR_RETURN(const ReadTransaction transaction, ReadTransaction::begin(database));
  ASSIGN_OR_RETURN(FoundRows found, find_rows(database, ListKind::jobs, query, fields));
  ListedJobs listed{{}, found.window};
  for (const std::int64_t number : found.seqs) {
    ASSIGN_OR_RETURN(auto job, read_view_of(database, number, query.deleted));
    if (job) listed.jobs.push_back(std::move(*job));
  }
  return listed;
}

Result<std::optional<JobView>> read_job_view(Database& database, std::int64_t number) {
  return read_view_of(database, number, false);
}

Result<std::vector<JobEvent>> read_job_events(Database& database, const JobId& id) {
  ASSIGN_OR_RETURN(Statement query,
                   database.statement("SELECT h.id, h.ex_id, h.at, h.from_state, h.event, h.to_state, h.reason "
                                      "FROM executions e JOIN history h ON h.ex_id = e.ex_id "
                                      "WHERE e.job_id = ?1 ORDER BY h.id"));
  query.bind(1, id.text);
  std::vector<JobEvent> events;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return events;
    JobEvent event{query.integer(0), ExecutionId(query.text(1)), query.integer(2), query.text(3), query.text(4), {},
                   query.text(6)};
    ASSIGN_OR_RETURN(event.status, status_of(query, 5, event.ex_id.text));
    events.push_back(std::move(event));
  }
}

// The index of a history by executions leads to the lines of one, or of a job's few; without a filter the numbers
// themselves lead on.
Result<std::vector<StatusChange>> read_changes(Database& database, std::int64_t after, const EventFilter& filter,
                                               std::int64_t most) {
  std::string condition;
  if (filter.ex_id) condition += " AND h.ex_id = ?3";
  if (filter.job_id) condition += " AND e.job_id = ?4";
  ASSIGN_OR_RETURN(Statement query, database.statement(fmt::format(
                                        "SELECT h.id, e.job_id, h.ex_id, h.at, h.from_state, h.event, h.to_state, "
                                        "h.reason FROM history h JOIN executions e ON e.ex_id = h.ex_id "
                                        "WHERE h.id > ?1{} ORDER BY h.id LIMIT ?2",
                                        condition)));
  query.bind(1, after);
  query.bind(2, most);
  if (filter.ex_id) query.bind(3, filter.ex_id->text);
  if (filter.job_id) query.bind(4, filter.job_id->text);
  std::vector<StatusChange> changes;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return changes;
    changes.push_back({query.integer(0), JobId(query.text(1)), ExecutionId(query.text(2)), query.integer(3),
                       query.text(4), query.text(5), query.text(6), query.text(7)});
  }
}

Result<std::optional<SubmissionRow>> read_submission(Database& database, const std::string& key) {
  ASSIGN_OR_RETURN(Statement query, database.statement("SELECT s.fingerprint, s.job_id, s.ex_id, j.seq "
                                                       "FROM submissions s JOIN jobs j ON j.job_id = s.job_id "
                                                       "WHERE s.key = ?1"));
  query.bind(1, key);
  ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found) return std::optional<SubmissionRow>();
  return std::optional(
      SubmissionRow{key, query.text(0), JobId(query.text(1)), ExecutionId(query.text(2)), query.integer(3)});
}

}  // namespace slicemill::master
