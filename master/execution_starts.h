// How executions are born: fresh starts and recoveries. Validates, chooses what a recovery goes on from, and writes the
// birth. Loop thread.
#pragma once

#include <memory>
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
                  PathRule paths, const AssetCatalog& assets);

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
  // Runs the quarantined records of this execution's job again, as far as the chain of its recoveries has come, under
  // the job's present configuration: who redrives has mended something.
  void redrive(const ExecutionId& id, Reply<Submitted> reply);

 private:
  struct Redriving;
  Result<Redriving> redriving(const ExecutionId& id);
  void redrive_if_any(const std::shared_ptr<Redriving>& redriving, int tries);

  Result<JobRow> startable(const JobId& id, const char* what) const;
  Result<void> bundles_are_there(const Json& config) const;
  Result<void> nothing_lives(const JobId& id) const;
  Result<void> newest_is_there(const JobId& id, const std::optional<ExecutionRow>& latest) const;
  Result<ExecutionRow> recovery_of(const ExecutionRow& source, Json config, CleanupType cleanup, bool autorecover);
  Result<ExecutionId> ledger_ahead(const ExecutionRow& source) const;
  Result<ExecutionId> ledger_behind(const ExecutionRow& source) const;
  void give_birth(ExecutionRow row, std::optional<JobRow> job, std::int64_t job_seq, std::vector<JobWarning> warnings,
                  Reply<Submitted> reply);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  const OperationCatalog& catalog_;
  JobRules rules_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
