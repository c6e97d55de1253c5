#include "master/registry/registry_rows.h"

#include <fmt/core.h>

namespace slicemill::master {

namespace {

std::string status_words(bool ended) {
  std::string words;
  for (std::size_t i = 0; i < kExecutionStatusCount; ++i) {
    const auto status = static_cast<ExecutionStatus>(i);
    if (is_terminal(status) == ended) words += fmt::format("{}'{}'", words.empty() ? "" : ", ", to_string(status));
  }
  return words;
}

}  // namespace

std::string ended_status_words() {
  return status_words(true);
}

std::string live_status_words() {
  return status_words(false);
}

// By bytes: texts are counted in characters.
std::string beginning_columns(const char* columns) {
  std::string list(columns);
  const auto doc = list.find(" doc");
  list.replace(doc, 4, fmt::format(" substr(CAST(doc AS BLOB), 1, {})", Registry::kDocumentPiece));
  return list + ", length(CAST(doc AS BLOB))";
}

std::string fact_columns(const char* columns) {
  std::string list(columns);
  return list.replace(list.find(" doc"), 4, " ''");
}

JobRow read_job(const Statement& row, bool is_beginning) {
  JobRow job;
  job.job_id = JobId(row.text(0));
  job.seq = row.integer(1);
  job.name = row.text(2);
  job.active = row.integer(3) != 0;
  job.deleted = row.integer(4) != 0;
  job.deleted_on = row.integer(5);
  job.created = row.integer(6);
  job.updated = row.integer(7);
  job.doc = row.text(8);
  job.dialect = row.text(9);
  if (is_beginning) job.doc_size = static_cast<std::uint64_t>(row.integer(10));
  return job;
}

namespace {

CleanupType read_cleanup(const std::string& text) {
  for (const auto type : {CleanupType::errors, CleanupType::pending, CleanupType::all, CleanupType::quarantine}) {
    if (to_string(type) == text) return type;
  }
  return CleanupType::none;
}

}  // namespace

Result<ExecutionRow> read_execution(const Statement& row, bool is_beginning) {
  ExecutionRow execution;
  execution.ex_id = ExecutionId(row.text(0));
  execution.seq = row.integer(1);
  execution.job_id = JobId(row.text(2));
  execution.name = row.text(3);
  const auto status = parse_execution_status(row.text(4));
  if (!status) {
    return Error{ErrorCode::corrupt,
                 fmt::format("registry: execution {} has the unknown status \"{}\"", row.text(0), row.text(4))};
  }
  execution.status = *status;
  execution.reason = row.text(5);
  execution.has_errors = row.integer(6) != 0;
  execution.stats = row.text(7);
  execution.workers = row.integer(8);
  execution.deleted = row.integer(9) != 0;
  execution.deleted_on = row.integer(10);
  execution.created = row.integer(11);
  execution.updated = row.integer(12);
  execution.recovered_execution = ExecutionId(row.text(13));
  execution.cleanup = read_cleanup(row.text(14));
  execution.source_ledger = ExecutionId(row.text(15));
  execution.doc = row.text(16);
  execution.failed = row.integer(17);
  execution.lineage = ExecutionId(row.text(18));
  execution.has_ledger = row.integer(19) != 0;
  execution.owns_staging = row.integer(20) != 0;
  if (is_beginning) execution.doc_size = static_cast<std::uint64_t>(row.integer(21));
  return execution;
}

}  // namespace slicemill::master
