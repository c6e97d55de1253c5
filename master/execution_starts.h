// How executions are born: fresh starts and recoveries. Validates, chooses what a recovery goes on from, and writes the
// birth. Loop thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/model/commands.h"
#include "core/model/job.h"
#include "core/model/operation_schema.h"
#include "core/runtime/loop.h"
#include "master/executions.h"

namespace slicemill::master {

class ExecutionStarts {
 public:
  ExecutionStarts(Loop& loop, Registry& registry, Executions& executions, const OperationCatalog& catalog,
                  PathRule paths);

  Result<ValidatedJob> validate(const Json& posted) const;
  // The job is new: it and its first execution become durable together.
  void submit(JobRow job, ValidatedJob validated, Reply<Submitted> reply);
  // conflict while an execution of the job lives; gone; not_found. A job with `autorecover` goes on from its latest
  // execution.
  void start(const JobId& id, Reply<Submitted> reply);
  // Goes on from the latest execution of the job, under the job's present configuration.
  void recover_job(const JobId& id, CleanupType cleanup, Reply<Submitted> reply);
  // Goes on from this execution, under its own configuration.
  void recover(const ExecutionId& id, CleanupType cleanup, Reply<Submitted> reply);

 private:
  Result<JobRow> startable(const JobId& id, const char* what) const;
  Result<void> nothing_lives(const JobId& id) const;
  Result<ExecutionRow> recovery_of(const ExecutionRow& source, Json config, CleanupType cleanup, bool autorecover);
  Result<ExecutionId> ledger_ahead(const ExecutionRow& source) const;
  Result<ExecutionId> ledger_behind(const ExecutionRow& source) const;
  void give_birth(ExecutionRow row, std::optional<JobRow> job, std::int64_t job_seq, std::vector<std::string> warnings,
                  Reply<Submitted> reply);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  const OperationCatalog& catalog_;
  PathRule paths_;
};

}  // namespace slicemill::master
