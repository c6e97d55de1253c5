#include "master/registry/registry_writes.h"

#include <fmt/core.h>

#include "master/registry/registry_removals.h"
#include "master/registry/registry_rows.h"

namespace slicemill::master {

namespace {

Result<void> put_submission(Database& database, const SubmissionRow& row, const JobId& job) {
  ASSIGN_OR_RETURN(
      Statement put,
      database.statement("INSERT INTO submissions (key, fingerprint, job_id, ex_id) VALUES (?1, ?2, ?3, ?4)"));
  put.bind(1, row.key);
  put.bind(2, row.fingerprint);
  put.bind(3, job.text);
  put.bind(4, row.ex_id.text);
  return put.run();
}

Result<void> forget_submission(Database& database, const JobId& job) {
  ASSIGN_OR_RETURN(Statement erase, database.statement("DELETE FROM submissions WHERE job_id = ?1"));
  erase.bind(1, job.text);
  return erase.run();
}

// A deletion that was written while a start or another change of the job was under way comes first.
Result<void> check_job_is_there(Database& database, const JobId& id) {
  ASSIGN_OR_RETURN(Statement query, database.statement("SELECT deleted FROM jobs WHERE job_id = ?1"));
  query.bind(1, id.text);
  ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found || query.integer(0) == 0) return {};
  return Error{ErrorCode::gone, fmt::format("Job {} has been deleted.", id.text)};
}

Result<void> put_job(Database& database, const ListIndex& index, const JobRow& row) {
  if (!row.deleted) RETURN_IF_ERROR(check_job_is_there(database, row.job_id));
  ASSIGN_OR_RETURN(
      Statement put,
      database.statement(
          "INSERT INTO jobs (job_id, seq, name, active, deleted, deleted_on, created, updated, doc, dialect) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
          "ON CONFLICT (job_id) DO UPDATE SET name = ?3, active = ?4, deleted = ?5, deleted_on = ?6, "
          "updated = ?8, doc = ?9, dialect = ?10"));
  put.bind(1, row.job_id.text);
  put.bind(2, row.seq);
  put.bind(3, row.name);
  put.bind(4, row.active ? 1 : 0);
  put.bind(5, row.deleted ? 1 : 0);
  put.bind(6, row.deleted_on);
  put.bind(7, row.created);
  put.bind(8, row.updated);
  put.bind(9, row.doc);
  put.bind(10, row.dialect);
  RETURN_IF_ERROR(put.run());
  if (row.submission) RETURN_IF_ERROR(put_submission(database, *row.submission, row.job_id));
  if (row.deleted) RETURN_IF_ERROR(forget_submission(database, row.job_id));
  return index.put_job(database, row);
}

// In a table of its own: the rows of executions are written again with each change of their state.
Result<void> put_spec(Database& database, const ExecutionRow& row) {
  if (row.spec.empty()) return {};
  ASSIGN_OR_RETURN(Statement put, database.statement("INSERT INTO execution_specs (ex_id, spec) VALUES (?1, ?2)"));
  put.bind(1, row.ex_id.text);
  put.bind(2, row.spec);
  return put.run();
}

Result<void> put_execution(Database& database, const ListIndex& index, const ExecutionRow& row) {
  RETURN_IF_ERROR(check_job_is_there(database, row.job_id));
  ASSIGN_OR_RETURN(
      Statement put,
      database.statement(
          "INSERT INTO executions (ex_id, seq, job_id, name, status, reason, has_errors, stats, workers, "
          "deleted, deleted_on, created, updated, recovered_execution, cleanup, source_ledger, doc, failed, lineage, "
          "has_ledger, owns_staging) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)"));
  put.bind(1, row.ex_id.text);
  put.bind(2, row.seq);
  put.bind(3, row.job_id.text);
  put.bind(4, row.name);
  put.bind(5, to_string(row.status));
  put.bind(6, row.reason);
  put.bind(7, row.has_errors ? 1 : 0);
  put.bind(8, row.stats);
  put.bind(9, row.workers);
  put.bind(10, row.deleted ? 1 : 0);
  put.bind(11, row.deleted_on);
  put.bind(12, row.created);
  put.bind(13, row.updated);
  put.bind(14, row.recovered_execution.text);
  put.bind(15, to_string(row.cleanup));
  put.bind(16, row.source_ledger.text);
  put.bind(17, row.doc);
  put.bind(18, row.failed);
  put.bind(19, row.lineage.text);
  put.bind(20, row.has_ledger ? 1 : 0);
  put.bind(21, row.owns_staging ? 1 : 0);
  RETURN_IF_ERROR(put.run());
  RETURN_IF_ERROR(put_spec(database, row));
  return index.put_execution(database, row);
}

Result<void> put_state(Database& database, const ListIndex& index, const ExecutionState& state) {
  ASSIGN_OR_RETURN(Statement put,
                   database.statement("UPDATE executions SET status = ?2, reason = ?3, has_errors = ?4, stats = ?5, "
                                      "workers = ?6, updated = ?7, failed = ?8 WHERE ex_id = ?1"));
  put.bind(1, state.ex_id.text);
  put.bind(2, to_string(state.status));
  put.bind(3, state.reason);
  put.bind(4, state.has_errors ? 1 : 0);
  put.bind(5, state.stats);
  put.bind(6, state.workers);
  put.bind(7, state.updated);
  put.bind(8, state.failed);
  RETURN_IF_ERROR(put.run());
  return index.put_state(database, state);
}

Result<void> note_ledger(Database& database, const ExecutionId& id) {
  ASSIGN_OR_RETURN(Statement put, database.statement("UPDATE executions SET has_ledger = 1 WHERE ex_id = ?1"));
  put.bind(1, id.text);
  return put.run();
}

Result<void> put_change(Database& database, const HistoryRow& row, std::int64_t id) {
  ASSIGN_OR_RETURN(Statement put, database.statement("INSERT INTO history (id, ex_id, at, from_state, event, to_state, "
                                                     "reason) VALUES (?7, ?1, ?2, ?3, ?4, ?5, ?6)"));
  put.bind(1, row.ex_id.text);
  put.bind(2, row.at);
  put.bind(3, row.from);
  put.bind(4, row.event);
  put.bind(5, row.to);
  put.bind(6, row.reason);
  put.bind(7, id);
  return put.run();
}

Result<void> put_epoch(Database& database, const EpochRow& row) {
  ASSIGN_OR_RETURN(Statement put, database.statement("INSERT INTO epochs (job_id, epoch) VALUES (?1, ?2) "
                                                     "ON CONFLICT (job_id) DO UPDATE SET epoch = max(epoch, ?2)"));
  put.bind(1, row.job_id.text);
  put.bind(2, static_cast<std::int64_t>(row.epoch));
  return put.run();
}

Result<void> put_process(Database& database, const ProcessRow& row) {
  ASSIGN_OR_RETURN(
      Statement put,
      database.statement(
          "INSERT OR REPLACE INTO processes (boot_id, pid, start_ticks, ex_id, job_id, role, ordinal, place, "
          "worker_id, epoch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"));
  put.bind(1, row.process.boot_id);
  put.bind(2, row.process.pid);
  put.bind(3, static_cast<std::int64_t>(row.process.start_ticks));
  put.bind(4, row.ex_id.text);
  put.bind(5, row.job_id.text);
  put.bind(6, row.is_controller ? "controller" : "worker");
  put.bind(7, row.ordinal);
  put.bind(8, row.place);
  put.bind(9, row.worker_id.text);
  put.bind(10, static_cast<std::int64_t>(row.epoch));
  return put.run();
}

Result<void> erase_process(Database& database, const ProcessIdentity& process) {
  ASSIGN_OR_RETURN(Statement erase,
                   database.statement("DELETE FROM processes WHERE boot_id = ?1 AND pid = ?2 AND start_ticks = ?3"));
  erase.bind(1, process.boot_id);
  erase.bind(2, process.pid);
  erase.bind(3, static_cast<std::int64_t>(process.start_ticks));
  return erase.run();
}

Result<void> mark_deleted(Database& database, const ListIndex& index, const RegistryBatch::Deletion& deletion) {
  ASSIGN_OR_RETURN(
      Statement mark,
      database.statement(
          "UPDATE executions SET deleted = 1, deleted_on = ?2, updated = ?2 WHERE job_id = ?1 AND deleted = 0"));
  mark.bind(1, deletion.job_id.text);
  mark.bind(2, deletion.at);
  RETURN_IF_ERROR(mark.run());
  return index.mark_deleted(database, deletion.job_id, deletion.at);
}

// Whatever was asked for meanwhile: a job that lives stays.
Result<void> delete_job(Database& database, const ListIndex& index, const RegistryBatch::Deletion& deletion) {
  ASSIGN_OR_RETURN(
      Statement mark,
      database.statement(
          fmt::format("UPDATE jobs SET deleted = 1, deleted_on = ?2, updated = ?2, active = 0, "
                      "doc = json_set(doc, '$.active', json('false')) WHERE job_id = ?1 AND deleted = 0 AND NOT EXISTS "
                      "(SELECT 1 FROM executions WHERE job_id = ?1 AND status NOT IN ({})) RETURNING {}",
                      ended_status_words(), kJobColumns)));
  mark.bind(1, deletion.job_id.text);
  mark.bind(2, deletion.at);
  ASSIGN_OR_RETURN(const bool is_deleted, mark.step());
  if (!is_deleted) return {};
  const JobRow row = read_job(mark);
  ASSIGN_OR_RETURN(const bool more, mark.step());  // to its end: only then it is written
  if (more) return Error{ErrorCode::internal, fmt::format("job {} has several rows", row.job_id.text)};
  RETURN_IF_ERROR(index.put_job(database, row));
  RETURN_IF_ERROR(forget_submission(database, row.job_id));
  return mark_deleted(database, index, deletion);
}

Result<void> put_asset(Database& database, const AssetRow& row) {
  ASSIGN_OR_RETURN(
      Statement put,
      database.statement("INSERT INTO assets (id, name, version, created, doc) VALUES (?1, ?2, ?3, ?4, ?5)"));
  put.bind(1, row.id);
  put.bind(2, row.name);
  put.bind(3, row.version);
  put.bind(4, row.created);
  put.bind(5, row.doc);
  return put.run();
}

Result<void> erase_asset(Database& database, const std::string& id) {
  ASSIGN_OR_RETURN(Statement erase, database.statement("DELETE FROM assets WHERE id = ?1"));
  erase.bind(1, id);
  return erase.run();
}

template <typename Rows, typename Put>
Result<void> put_all(Database& database, const Rows& rows, Put put) {
  for (const auto& row : rows) RETURN_IF_ERROR(put(database, row));
  return {};
}

template <typename Rows, typename Put>
Result<void> put_indexed(Database& database, const ListIndex& index, const Rows& rows, Put put) {
  for (const auto& row : rows) RETURN_IF_ERROR(put(database, index, row));
  return {};
}

}  // namespace

Result<void> write_rows(Database& database, const RegistryBatch& batch, const ListIndex& index,
                        std::int64_t first_change) {
  RETURN_IF_ERROR(put_indexed(database, index, batch.jobs, put_job));
  RETURN_IF_ERROR(put_indexed(database, index, batch.executions, put_execution));
  RETURN_IF_ERROR(put_indexed(database, index, batch.states, put_state));
  for (const auto& row : batch.history) RETURN_IF_ERROR(put_change(database, row, first_change++));
  RETURN_IF_ERROR(put_all(database, batch.epochs, put_epoch));
  RETURN_IF_ERROR(put_all(database, batch.ledgers_made, note_ledger));
  RETURN_IF_ERROR(put_all(database, batch.processes, put_process));
  RETURN_IF_ERROR(put_all(database, batch.gone_processes, erase_process));
  RETURN_IF_ERROR(put_all(database, batch.assets, put_asset));
  RETURN_IF_ERROR(put_all(database, batch.erased_assets, erase_asset));
  RETURN_IF_ERROR(put_indexed(database, index, batch.deleted_executions_of, mark_deleted));
  RETURN_IF_ERROR(put_indexed(database, index, batch.deleted_jobs, delete_job));
  RETURN_IF_ERROR(put_all(database, batch.removed, remove_execution));
  if (!batch.removed.empty()) RETURN_IF_ERROR(forget_removed_executions(database, batch.removed.front().at));
  if (batch.disown_staging) RETURN_IF_ERROR(disown_staging(database));
  return put_all(database, batch.freed, mark_freed);
}

}  // namespace slicemill::master
