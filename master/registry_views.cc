#include "master/registry_views.h"

#include <fmt/core.h>

#include <limits>
#include <string>

namespace slicemill::master {
namespace {

// A row of an execution is written with each report too: when its status changed stands in its history.
constexpr const char* kViews =
    "SELECT j.job_id, j.seq, j.name, j.created, j.updated, e.ex_id, e.status, e.reason, e.created, e.has_ledger, "
    "coalesce((SELECT at FROM history h WHERE h.ex_id = e.ex_id ORDER BY h.rowid DESC LIMIT 1), e.updated) "
    "FROM jobs j LEFT JOIN executions e "
    "ON e.ex_id = (SELECT ex_id FROM executions x WHERE x.job_id = j.job_id ORDER BY x.seq DESC LIMIT 1) "
    "WHERE j.deleted = 0";

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

}  // namespace

Result<std::vector<JobView>> read_job_views(Database& database, const JobPage& page) {
  std::string condition;
  if (page.statuses) {
    std::string words;
    for (const auto status : *page.statuses)
      words += fmt::format("{}'{}'", words.empty() ? "" : ", ", to_string(status));
    condition = fmt::format(" AND coalesce(e.status, '{}') IN ({})", to_string(ExecutionStatus::stopped), words);
  }
  ASSIGN_OR_RETURN(Statement query, database.statement(fmt::format("{} AND j.seq < ?1{} ORDER BY j.seq DESC LIMIT ?2",
                                                                   kViews, condition)));
  query.bind(1, page.below.value_or(std::numeric_limits<std::int64_t>::max()));
  query.bind(2, page.limit);
  std::vector<JobView> jobs;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return jobs;
    ASSIGN_OR_RETURN(JobView job, read_view(query));
    jobs.push_back(std::move(job));
  }
}

Result<std::optional<JobView>> read_job_view(Database& database, std::int64_t number) {
  ASSIGN_OR_RETURN(Statement query, database.statement(fmt::format("{} AND j.seq = ?1", kViews)));
  query.bind(1, number);
  ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found) return std::optional<JobView>();
  ASSIGN_OR_RETURN(JobView job, read_view(query));
  return std::optional(std::move(job));
}

Result<std::vector<JobEvent>> read_job_events(Database& database, const JobId& id) {
  ASSIGN_OR_RETURN(Statement query,
                   database.statement("SELECT h.rowid, h.ex_id, h.at, h.from_state, h.event, h.to_state, h.reason "
                                      "FROM executions e JOIN history h ON h.ex_id = e.ex_id "
                                      "WHERE e.job_id = ?1 ORDER BY h.rowid"));
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

}  // namespace slicemill::master
