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
#include "master/executions/execution_documents.h"
#include "master/executions/executions.h"
#include "master/job_turns.h"

namespace slicemill::master {

// `unavailable`: what is answered to all that would change something once the master is about to end.
Error closing_error();

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

  // Of all that change jobs: from the job as it is read to an execution that counts as living, a start has its turn.
  JobTurns& turns() { return turns_; }

  // The master is about to end: what is being started is refused (`unavailable`).
  void close() { closed_ = true; }

 private:
  using Turn = JobTurns::Turn;
  struct Redriving;
  void begin_redrive(const ExecutionId& id, RedriveRequest request, Turn turn, const Reply<Submitted>& reply);
  Result<void> redrive_validated(const std::shared_ptr<Redriving>& redriving, const ExecutionRow& source,
                                 ValidatedJob validated);
  void redrive_if_any(const std::shared_ptr<Redriving>& redriving, int tries);

  // Each of these calls its last argument at once for a small document, later for a large one, and not at all once the
  // master is gone.
  using Validated = std::function<void(Result<ValidatedJob>)>;
  using Job = std::shared_ptr<const JobRow>;
  using Source = std::shared_ptr<const ExecutionRow>;  // that an execution goes on from
  void validate_posted(std::shared_ptr<const Json> posted, JobRules rules, Validated done);
  void validate_stored(const Job& job, JobRules rules, Validated done);
  // The job's present configuration for an execution that goes on from this one: with the values and the moment that it
  // had, unless others are given.
  void validate_after(const Job& job, const Source& source, Json params, Validated done);
  // The configuration that this one had.
  void own_configuration(const Source& source, Validated done);
  void with_spec_of(const Source& source, std::function<void(Result<JobSpec>)> done);
  void start_stored(const JobId& id, StartRequest request, Turn turn, const Reply<Submitted>& reply);
  void start_validated(const Job& job, const ExecutionId& ex_id, ValidatedJob validated, StartRequest request,
                       Turn turn, const Reply<Submitted>& reply);
  void recover_latest(const JobId& id, RecoverRequest request, Turn turn, const Reply<Submitted>& reply);
  void recover_one(const ExecutionId& id, RecoverRequest request, Turn turn, const Reply<Submitted>& reply);
  void recover_from(const Source& source, const Job& job, ConfigSource which, RecoverRequest request, Turn turn,
                    const Reply<Submitted>& reply);
  Result<Source> existing(const ExecutionId& id) const;
  Result<Job> startable(const JobId& id, const char* what) const;
  Result<void> bundles_are_there(const JobSpec& spec) const;
  Result<void> nothing_lives(const JobId& id) const;
  Result<void> newest_is_there(const JobId& id, const std::optional<ExecutionRow>& latest) const;
  Result<ExecutionOrigin> recovery_of(const ExecutionRow& source, ValidatedJob job, CleanupType cleanup, bool goes_on,
                                      Json redriven_records = {});
  Result<ExecutionId> ledger_ahead(const ExecutionRow& source) const;
  Result<ExecutionId> ledger_behind(const ExecutionRow& source) const;
  void create(ExecutionOrigin creation, std::optional<JobRow> job, Submitted submitted, Turn turn,
              Reply<Submitted> reply);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  JobTurns turns_;
  const JobDialect& dialect_;
  const OperationCatalog& catalog_;
  JobRules rules_;
  bool closed_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
