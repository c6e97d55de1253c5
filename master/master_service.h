// Everything a dialect may ask, put together: the body of JobService. Decides what belongs to jobs; executions, verbs,
// starts and views have their own files. Owner: the master; loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/commands.h"
#include "core/runtime/loop.h"
#include "master/cluster_view.h"
#include "master/executions/execution_removals.h"
#include "master/executions/execution_starts.h"
#include "master/executions/execution_verbs.h"
#include "master/executions/executions.h"
#include "master/executions/retention.h"
#include "master/job_turns.h"
#include "master/keyed_submissions.h"
#include "master/lists/slice_errors.h"
#include "master/registry/job_views.h"

namespace slicemill::master {

class MasterService final : public JobService {
 public:
  // dialect: in which jobs are posted and shown; outlives the service.
  MasterService(Loop& loop, Registry& registry, Executions& executions, const JobDialect& dialect,
                const OperationCatalog& catalog, const AssetCatalog& assets, PathRule paths, NodeFacts node,
                const RetentionOptions& retention = {});

  void submit(Json posted, SubmitRequest request, Reply<Submitted> reply) override;
  void list_jobs(const ListQuery& query, Reply<ListedDocuments> reply) override;
  void get_job(const JobId& id, const std::optional<ExecutionFields>& fields, Reply<ShownDocument> reply) override;
  void update_job(const JobId& id, Json posted, Reply<UpdatedJob> reply) override;
  void delete_job(const JobId& id, Reply<ShownDocument> reply) override;
  void set_job_active(const JobId& id, bool active, Reply<ShownDocument> reply) override;
  void start_job(const JobId& id, StartRequest request, Reply<Submitted> reply) override;
  void recover_job(const JobId& id, RecoverRequest request, Reply<Submitted> reply) override;

  Result<ExecutionId> latest_execution(const JobId& id) override;

  void list_executions(const ListQuery& query, Reply<ListedDocuments> reply) override;
  void get_execution(const ExecutionId& id, Reply<ShownDocument> reply) override;
  void remove_execution(const ExecutionId& id, Reply<Json> reply) override;
  void stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply) override;
  void pause(const ExecutionId& id, Reply<ExecutionStatus> reply) override;
  void resume(const ExecutionId& id, Reply<ExecutionStatus> reply) override;
  void recover(const ExecutionId& id, RecoverRequest request, Reply<Submitted> reply) override;
  void change_workers(const ExecutionId& id, WorkerChange change, std::int64_t count,
                      Reply<WorkersAnswer> reply) override;
  void set_log_level(const JobId& id, std::string level, Reply<ExecutionId> reply) override;
  void errors(const std::optional<ExecutionId>& id, const RecordQuery& query, Reply<std::vector<Json>> reply) override;
  void quarantine(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) override;
  void tries(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) override;
  void redrive(const ExecutionId& id, RedriveRequest request, Reply<Submitted> reply) override;
  void controller_stats(const ExecutionId& id, Reply<ControllerView> reply) override;
  void read_log(const ExecutionId& id, const LogQuery& query, Reply<LogPart> reply) override;
  void history(const ExecutionId& id, Reply<std::vector<Json>> reply) override;

  void run_beside(std::function<void()> work, std::function<void()> done) override;
  WallMs wall_ms() const override { return loop_.wall_ms(); }

  Json cluster_info() override;
  std::optional<std::uint64_t> revision() const override;
  Json cluster_state() override;
  ClusterCounters cluster_counters() override;
  std::string obstacle() override;
  std::vector<ControllerView> controllers() override;

  JobViews& views() { return views_; }

  // The master is about to end: what would change anything is answered `unavailable` from now on.
  void close();

 private:
  class JobList;
  class ExecutionList;
  template <typename List>
  void list(ListKind kind, const ListQuery& query, Reply<ListedDocuments> reply);

  using Turn = JobTurns::Turn;

  Result<JobRow> existing_job(const JobId& id) const;
  Result<void> check_execution(const ExecutionId& id) const;
  // The job as lists and reads show it, with the fields of its latest execution that are asked for.
  Result<ShownDocument> shown_job(JobRow row, const std::optional<ExecutionFields>& fields);
  ShownDocument shown_execution(ExecutionRow row) const;
  // All that writes a job. turn: of a job that is there already; it ends when the job is written.
  void write_job(JobRow row, RegistryBatch batch, Turn turn, Reply<ShownDocument> reply);
  using Submission = std::optional<SubmissionRow>;
  void make_job_of(Json posted, bool start, Submission submission, Reply<Submitted> reply);
  void take(Json posted, const ExecutionId& ex_id, ValidatedJob validated, bool start, Submission submission,
            Reply<Submitted> reply);
  Result<JobRow> updatable_job(const JobId& id) const;
  Result<JobRow> deletable_job(const JobId& id) const;
  void update(const JobId& id, Json posted, Turn turn, const Reply<UpdatedJob>& reply);
  void replace(JobRow former, Json posted, std::vector<JobWarning> warnings, Turn turn, const Reply<UpdatedJob>& reply);
  void mark(JobRow row, bool active, std::function<void(JobRow)> done);
  void give_memory_back_later();

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  const JobDialect& dialect_;
  NodeFacts node_;
  ExecutionStarts starts_;
  KeyedSubmissions keyed_;
  ExecutionVerbs verbs_;
  SliceErrors errors_;
  ExecutionRemovals removals_;
  Retention retention_;
  RegistryJobViews views_;
  bool closed_ = false;
  bool gives_memory_back_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
