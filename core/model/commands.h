// All that a dialect may ask of the master: commands, queries and their answers, without a word of HTTP.
//
// Loop thread of the master. Each call answers exactly once, on the loop thread, possibly before the call returns.
// Handlers in api/ decide nothing: they map a route to one of these calls and its answer to the dialect's JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/model/execution.h"
#include "core/model/job_warning.h"
#include "core/query/filter.h"
#include "core/query/sort_order.h"
#include "core/runtime/clock.h"
#include "core/runtime/ids.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

template <typename T>
using Reply = std::function<void(Result<T>)>;

struct Submitted {
  JobId job_id;
  std::int64_t job_seq = 0;  // numeric sequence id: some dialects need one
  ExecutionId ex_id;         // empty if not started
  std::vector<JobWarning> warnings;
};

// Fields of a job's latest execution that are shown in the job's document, as `ex`. No names: all of them.
struct ExecutionFields {
  std::vector<std::string> names;
};

struct ListQuery {
  std::int64_t from = 0;
  std::int64_t size = 100;
  std::vector<query::SortKey> sort;  // empty: latest change first
  std::optional<query::Filter> filter;
  std::vector<std::string> statuses;                // executions only; empty: all
  std::optional<bool> active;                       // jobs only; a job that does not say is active
  std::optional<ExecutionFields> execution_fields;  // jobs only
  bool deleted = false;
};

struct UpdatedJob {
  Json document;
  std::vector<JobWarning> warnings;
};

struct StopRequest {
  bool blocking = true;  // answer when terminal; otherwise as soon as the controller has synced the wish
  bool force = false;    // deadline now
  std::optional<std::int64_t> timeout_ms;
};

struct StopAnswer {
  ExecutionStatus status;
};

enum class WorkerChange { add, remove, total };

struct WorkersAnswer {
  std::string action;  // what happened, in the words of the first dialect: enqueued, remove, set
  std::int64_t count = 0;
};

class JobService {
 public:
  virtual ~JobService() = default;

  // Jobs. A job or execution document is Json as the first dialect shows it.
  virtual void submit(Json posted, bool start, Reply<Submitted> reply) = 0;
  virtual void list_jobs(const ListQuery& query, Reply<std::vector<Json>> reply) = 0;
  virtual void get_job(const JobId& id, const std::optional<ExecutionFields>& fields, Reply<Json> reply) = 0;
  virtual void update_job(const JobId& id, Json posted, Reply<UpdatedJob> reply) = 0;
  virtual void delete_job(const JobId& id, Reply<Json> reply) = 0;
  virtual void set_job_active(const JobId& id, bool active, Reply<Json> reply) = 0;
  virtual void start_job(const JobId& id, Reply<Submitted> reply) = 0;
  virtual void recover_job(const JobId& id, CleanupType cleanup, Reply<Submitted> reply) = 0;

  // The latest execution of a job; not_found "No execution was found for job X".
  virtual Result<ExecutionId> latest_execution(const JobId& id) = 0;

  // Executions.
  virtual void list_executions(const ListQuery& query, Reply<std::vector<Json>> reply) = 0;
  virtual void get_execution(const ExecutionId& id, Reply<Json> reply) = 0;
  // An ended execution goes for good, with its ledger, its logs and what it never published; published output stays.
  // conflict: it lives, or a living recovery still needs its ledger. Idempotent.
  virtual void remove_execution(const ExecutionId& id, Reply<Json> reply) = 0;
  virtual void stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply) = 0;
  virtual void pause(const ExecutionId& id, Reply<ExecutionStatus> reply) = 0;
  virtual void resume(const ExecutionId& id, Reply<ExecutionStatus> reply) = 0;
  virtual void recover(const ExecutionId& id, CleanupType cleanup, Reply<Submitted> reply) = 0;
  virtual void change_workers(const ExecutionId& id, WorkerChange change, std::int64_t count,
                              Reply<WorkersAnswer> reply) = 0;
  virtual void set_log_level(const JobId& id, std::string level, Reply<ExecutionId> reply) = 0;
  // No id: of all executions.
  virtual void errors(const std::optional<ExecutionId>& id, const ListQuery& query, Reply<std::vector<Json>> reply) = 0;
  // The quarantined records of an execution, in the order of slices: only `from` and `size` of the query count.
  virtual void quarantine(const ExecutionId& id, const ListQuery& query, Reply<std::vector<Json>> reply) = 0;
  // A new execution that runs the quarantined records again, under the job's present configuration. not_found: there
  // are none.
  virtual void redrive(const ExecutionId& id, Reply<Submitted> reply) = 0;
  virtual void controller_stats(const ExecutionId& id, Reply<Json> reply) = 0;

  // What relative dates in filters count from.
  virtual WallMs wall_ms() const = 0;

  // Another one whenever a job, an execution, a list of them, or the state of the cluster may show something else;
  // nothing: they may change at any time.
  virtual std::optional<std::uint64_t> revision() const = 0;

  // Cluster.
  virtual Json cluster_info() = 0;
  virtual Json cluster_state() = 0;
  // Why nothing can be recorded at present (full disk, ...); "" if all is well.
  virtual std::string obstacle() = 0;
  virtual Json cluster_stats() = 0;
  virtual Json controllers() = 0;
};

}  // namespace slicemill
