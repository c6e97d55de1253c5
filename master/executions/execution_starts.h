// How executions are created: fresh starts and recoveries. Validates, chooses what a recovery goes on from, and writes
// the creation. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/commands.h"
#include "core/model/job_dialect.h"
#include "core/model/operation_schema.h"
#include "core/runtime/loop.h"
#include "master/executions/executions.h"

namespace slicemill::master {

class ExecutionStarts {
 public:
  ExecutionStarts(Loop& loop, Registry& registry, Executions& executions, const JobDialect& dialect,
                  const OperationCatalog& catalog, PathRule paths, const AssetCatalog& assets);

  // Gives the job back with what was found; a large one is validated beside the loop. done is not called once the
  // master is gone. starts_later: its parameters need no values yet.
  // ex_id: of the execution that is to run it.
  using Judged = std::function<void(Json posted, const ExecutionId& ex_id, Result<ValidatedJob> validated)>;
  void judge(Json posted, bool starts_later, Judged done);
  // The job is new: it and its first execution become durable together.
  void submit(JobRow job, const ExecutionId& ex_id, ValidatedJob validated, Reply<Submitted> reply);
  // conflict while an execution of the job lives; gone; not_found. A job that says so goes on from its latest
  // execution.
  void start(const JobId& id, StartRequest request, Reply<Submitted> reply);
  // Goes on from the latest execution of the job; unless asked otherwise under the job's present configuration.
  void recover_job(const JobId& id, RecoverRequest request, Reply<Submitted> reply);
  // Goes on from this execution; unless asked otherwise under its own configuration.
  void recover(const ExecutionId& id, RecoverRequest request, Reply<Submitted> reply);
  // Runs the quarantined records of this execution's job again, as far as the chain of its recoveries has come, under
  // the job's present configuration: who redrives has mended something.
  void redrive(const ExecutionId& id, RedriveRequest request, Reply<Submitted> reply);

 private:
  struct Redriving;
  Result<Redriving> redriving(const ExecutionId& id, RedriveRequest request);
  void redrive_if_any(const std::shared_ptr<Redriving>& redriving, int tries);

  Result<ValidatedJob> validate(const Json& posted, Json params, const ExecutionId& ex_id) const;
  // The job's present configuration for an execution that goes on from this one: with the values and the moment that it
  // had, unless others are given.
  Result<ValidatedJob> validate_after(const JobRow& job, const ExecutionRow& source, Json params) const;
  Result<ValidatedJob> configuration_for(const JobRow& job, const ExecutionRow& source, ConfigSource which,
                                         Json params) const;
  void recover_from(const ExecutionRow& source, const JobRow& job, ConfigSource which, RecoverRequest request,
                    Reply<Submitted> reply);
  Result<JobRow> startable(const JobId& id, const char* what) const;
  Result<void> bundles_are_there(const JobSpec& spec) const;
  Result<void> nothing_lives(const JobId& id) const;
  Result<void> newest_is_there(const JobId& id, const std::optional<ExecutionRow>& latest) const;
  Result<ExecutionRow> recovery_of(const ExecutionRow& source, ValidatedJob job, CleanupType cleanup, bool goes_on,
                                   Json redriven_records = {});
  Result<ExecutionId> ledger_ahead(const ExecutionRow& source) const;
  Result<ExecutionId> ledger_behind(const ExecutionRow& source) const;
  void create(ExecutionRow row, std::optional<JobRow> job, Submitted submitted, Reply<Submitted> reply);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  const JobDialect& dialect_;
  const OperationCatalog& catalog_;
  JobRules rules_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
