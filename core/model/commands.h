// All that a dialect may ask of the master: commands, queries and their answers, without a word of HTTP.
//
// Loop thread of the master. Each call answers exactly once, on the loop thread, possibly before the call returns.
// Handlers in api/ decide nothing: they map a route to one of these calls and its answer to the dialect's JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/documents.h"
#include "core/model/execution.h"
#include "core/model/job_warning.h"
#include "core/model/list_query.h"
#include "core/model/stats.h"
#include "core/runtime/clock.h"
#include "core/runtime/ids.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

template <typename T>
using Reply = std::function<void(Result<T>)>;

// Whose configuration an execution that goes on from another one runs: the job's as it is now, or that one's own.
enum class ConfigSource { current, own };

constexpr std::string_view to_string(ConfigSource source) {
  return source == ConfigSource::current ? "current" : "own";
}
constexpr std::optional<ConfigSource> parse_config_source(std::string_view text) {
  if (text == to_string(ConfigSource::current)) return ConfigSource::current;
  if (text == to_string(ConfigSource::own)) return ConfigSource::own;
  return std::nullopt;
}

struct Submitted {
  JobId job_id;
  std::int64_t job_seq = 0;  // numeric sequence id: some dialects need one
  ExecutionId ex_id;         // empty if not started
  std::vector<JobWarning> warnings;
  std::optional<ConfigSource> config;  // of a recovery
  bool is_repeated = false;            // an earlier submission with the same key made the job
};

struct SubmitRequest {
  bool start = true;
  // "": none. The same job with the same key again makes no second one; conflict: the key stands for another job.
  std::string key;
};

struct StartRequest {
  Json params = Json::object();  // values of the job's parameters, for this execution
};

struct RedriveRequest {
  Json params = Json::object();
  Json records;  // the chosen ones (core/model/mended_records.h); null: all, as they are
};

struct RecoverRequest {
  CleanupType cleanup = CleanupType::none;
  std::optional<ConfigSource> config;  // nothing: current if a job is recovered, own if an execution is
  Json params = Json::object();        // only with `current`
};

struct UpdatedJob {
  ShownDocument document;
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
  std::string action;  // what happened, one word: enqueued, remove, set
  std::int64_t count = 0;
};

// A part of the log of one process of an execution.
struct LogQuery {
  std::string process = "controller";  // or worker-N
  std::int64_t lines = 100;            // so many of the last ones, if there is no position
  std::string from;                    // position of an earlier part: what follows it
};

struct LogPart {
  std::string text;      // whole lines
  std::string position;  // behind the text
  bool gap = false;      // what followed the position is gone, the text begins later
};
// A controller that reports, and what it said last.
struct ControllerView {
  ExecutionId ex_id;
  JobId job_id;
  std::string name;  // of the job
  Stats stats;
};

class JobService {
 public:
  virtual ~JobService() = default;

  // Jobs. Documents are those of the dialect that the job was posted in (core/model/job_dialect.h).
  virtual void submit(Json posted, SubmitRequest request, Reply<Submitted> reply) = 0;
  // unavailable: the words of what an earlier version has stored are still being read.
  virtual void list_jobs(const ListQuery& query, Reply<ListedDocuments> reply) = 0;
  virtual void get_job(const JobId& id, const std::optional<ExecutionFields>& fields, Reply<ShownDocument> reply) = 0;
  virtual void update_job(const JobId& id, Json posted, Reply<UpdatedJob> reply) = 0;
  virtual void delete_job(const JobId& id, Reply<ShownDocument> reply) = 0;
  virtual void set_job_active(const JobId& id, bool active, Reply<ShownDocument> reply) = 0;
  virtual void start_job(const JobId& id, StartRequest request, Reply<Submitted> reply) = 0;
  virtual void recover_job(const JobId& id, RecoverRequest request, Reply<Submitted> reply) = 0;

  // The latest execution of a job; not_found "No execution was found for job X".
  virtual Result<ExecutionId> latest_execution(const JobId& id) = 0;

  // Executions.
  virtual void list_executions(const ListQuery& query, Reply<ListedDocuments> reply) = 0;
  virtual void get_execution(const ExecutionId& id, Reply<ShownDocument> reply) = 0;
  // An ended execution goes for good, with its ledger, its logs and what it never published; published output stays.
  // conflict: it lives, or a living recovery still needs its ledger. Idempotent.
  virtual void remove_execution(const ExecutionId& id, Reply<Json> reply) = 0;
  virtual void stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply) = 0;
  virtual void pause(const ExecutionId& id, Reply<ExecutionStatus> reply) = 0;
  virtual void resume(const ExecutionId& id, Reply<ExecutionStatus> reply) = 0;
  virtual void recover(const ExecutionId& id, RecoverRequest request, Reply<Submitted> reply) = 0;
  virtual void change_workers(const ExecutionId& id, WorkerChange change, std::int64_t count,
                              Reply<WorkersAnswer> reply) = 0;
  virtual void set_log_level(const JobId& id, std::string level, Reply<ExecutionId> reply) = 0;
  // No id: of all executions.
  virtual void errors(const std::optional<ExecutionId>& id, const RecordQuery& query,
                      Reply<std::vector<Json>> reply) = 0;
  // The quarantined records of an execution, in the order of slices: only `from` and `size` of the query count.
  virtual void quarantine(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) = 0;
  // The tries of an execution's slices that have ended, in the order of slices; of jobs whose slices keep a history.
  virtual void tries(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) = 0;
  // A new execution that runs the quarantined records again, under the job's present configuration. not_found: there
  // are none, or a chosen one is not among them.
  virtual void redrive(const ExecutionId& id, RedriveRequest request, Reply<Submitted> reply) = 0;
  // not_found: it has no controller at present.
  virtual void controller_stats(const ExecutionId& id, Reply<ControllerView> reply) = 0;
  virtual void read_log(const ExecutionId& id, const LogQuery& query, Reply<LogPart> reply) = 0;
  // Every change of its status, oldest first.
  virtual void history(const ExecutionId& id, Reply<std::vector<Json>> reply) = 0;

  // Runs work beside the loop, then done on the loop thread: for what takes long, such as reading a large text.
  virtual void run_beside(std::function<void()> work, std::function<void()> done) = 0;

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
  virtual ClusterCounters cluster_counters() = 0;
  virtual std::vector<ControllerView> controllers() = 0;
};

}  // namespace slicemill
