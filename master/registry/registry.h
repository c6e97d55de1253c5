// The registry: every job, execution, status change, epoch and process that the master must still know after a crash.
// SQLite.
//
// Owner: the master; loop thread. Writes go to the `store` executor in order and are committed in groups with one
// fsync; `done` runs on the loop thread after that fsync, never before (I5). Reads run at once on the loop thread
// through a second connection and see what is committed, so whatever a reader is shown is durable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/asset_service.h"
#include "core/model/commands.h"
#include "core/model/execution.h"
#include "core/model/execution_events.h"
#include "core/model/job_dialect.h"
#include "core/model/job_spec.h"
#include "core/model/job_views.h"
#include "core/model/list_query.h"
#include "core/runtime/clock.h"
#include "core/runtime/ids.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/runtime/result.h"
#include "master/lists/list_kind.h"
#include "master/lists/list_search.h"

namespace slicemill::master {

// What a client's idempotency key stands for: the submission that made a job.
struct SubmissionRow {
  std::string key;
  std::string fingerprint;  // of what was posted
  JobId job_id;
  ExecutionId ex_id;         // empty: the job was only stored
  std::int64_t job_seq = 0;  // read with it
};

struct JobRow {
  JobId job_id;
  std::int64_t seq = 0;
  std::string name;
  bool active = true;
  bool deleted = false;
  WallMs deleted_on = 0;
  WallMs created = 0;
  WallMs updated = 0;
  std::string doc;                               // JSON, as posted
  std::uint64_t doc_size = 0;                    // of a row that was read by its beginning: bytes of the whole document
  std::optional<SubmissionRow> submission = {};  // of a new job: written with it, and gone once the job is deleted
  std::string dialect;                           // that it was posted in
};

struct ExecutionRow {
  ExecutionId ex_id;
  std::int64_t seq = 0;
  JobId job_id;
  std::string name;
  ExecutionStatus status = ExecutionStatus::pending;
  std::string reason;
  bool has_errors = false;
  std::int64_t failed = 0;   // slices
  std::string stats;         // encode_stats(); "" for none
  std::int64_t workers = 1;  // wanted now; the document keeps what the job asked for
  bool deleted = false;
  WallMs deleted_on = 0;
  WallMs created = 0;
  WallMs updated = 0;
  ExecutionId recovered_execution;  // empty: not a recovery
  CleanupType cleanup = CleanupType::none;
  ExecutionId source_ledger;  // whose ledger a recovery starts from; empty: none
  ExecutionId lineage;        // whose ledger all that are recovered from it descend from; its own, if it is no recovery
  bool has_ledger = false;    // it was made: one that is not there is lost
  bool owns_staging = true;   // what its lineage has staged goes with it; not in a copied data directory
  std::string doc;            // JSON, resolved, in the words of its dialect
  std::uint64_t doc_size = 0;  // of a row that was read by its beginning: bytes of the whole document
  std::string spec;            // canonical JSON of its job; only written with the row: see Registry::execution_spec
};

// What changes during the life of an execution; the rest of its row is never written again.
struct ExecutionState {
  ExecutionId ex_id;
  ExecutionStatus status = ExecutionStatus::pending;
  std::string reason;
  bool has_errors = false;
  std::int64_t failed = 0;
  std::string stats;
  std::int64_t workers = 1;
  WallMs updated = 0;
};

struct HistoryRow {
  ExecutionId ex_id;
  WallMs at = 0;
  std::string from;  // "" for the first one
  std::string event;
  std::string to;
  std::string reason;
  bool operator==(const HistoryRow&) const = default;
};

struct ProcessRow {
  ExecutionId ex_id;
  JobId job_id;
  bool is_controller = false;
  ProcessIdentity process;
  std::int64_t ordinal = 0;  // number of the process over the master's life, as shown in the cluster state
  std::int64_t place = 0;    // workers: place in the execution (names the log file); controllers: 0
  WorkerId worker_id;
  std::uint64_t epoch = 0;
  bool operator==(const ProcessRow&) const = default;
};

// What is kept of an execution that was removed: that there was one, and what its ledger stood for.
struct RemovedRow {
  ExecutionId ex_id;
  std::int64_t seq = 0;
  JobId job_id;
  ExecutionId source_ledger;
  ExecutionId lineage;
  bool has_ledger = false;
  WallMs at = 0;
  std::vector<std::string> staging;  // directories of its output that was never published, to be removed with it
  bool freed = false;                // nothing of it is left in the file system
  bool operator==(const RemovedRow&) const = default;
};

// How long ended executions are kept. 0: no limit.
struct RetentionLimits {
  std::int64_t age_ms = 0;          // since their end
  std::int64_t deleted_age_ms = 0;  // of those of deleted jobs: since the deletion
  std::int64_t count = 0;           // newest of each job that are kept
};

struct EpochRow {
  JobId job_id;
  std::uint64_t epoch = 0;
};

// A bundle that jobs can use. Never changed, only put and erased.
struct AssetRow {
  std::string id;
  std::string name;
  std::string version;
  WallMs created = 0;
  std::string doc;  // JSON: description, restrictions, operations
  bool operator==(const AssetRow&) const = default;
};

// One atomic group of changes.
struct RegistryBatch {
  std::vector<JobRow> jobs;              // put or replaced
  std::vector<ExecutionRow> executions;  // put
  std::vector<ExecutionState> states;
  std::vector<HistoryRow> history;
  std::vector<EpochRow> epochs;
  std::vector<ExecutionId> ledgers_made;
  std::vector<ProcessRow> processes;  // put
  std::vector<ProcessIdentity> gone_processes;
  std::vector<AssetRow> assets;  // put; conflict if the id is there
  std::vector<std::string> erased_assets;
  struct Deletion {
    JobId job_id;
    WallMs at = 0;
  };
  std::vector<Deletion> deleted_executions_of;  // marks every execution of the job
  std::vector<Deletion> deleted_jobs;           // the same with the job; nothing of a job that has a live execution
  struct Removal {
    ExecutionId ex_id;
    std::int64_t seq = 0;
    WallMs at = 0;
    std::vector<std::string> staging;
  };
  std::vector<Removal> removed;    // rows and history go, a RemovedRow stays
  std::vector<ExecutionId> freed;  // of removed ones
  bool disown_staging = false;     // what the executions of now have staged is not theirs to remove
};

class Registry {
 public:
  // io, no_space: the file cannot be opened or written. corrupt, unsupported: it is not ours to read.
  // dialect: of its documents; outlives the registry.
  static Result<std::unique_ptr<Registry>> open(Loop& loop, const std::string& path, const JobDialect& dialect);
  virtual ~Registry() = default;

  virtual void write(RegistryBatch batch, std::function<void(Result<void>)> done) = 0;
  // Writes something that changes nothing, to learn whether anything can be written.
  virtual void probe(std::function<void(Result<void>)> done) = 0;
  // Why nothing can be written at present (full disk, ...): from the first write that fails so to the first that does
  // not. It is tried out each second.
  virtual const std::optional<Error>& obstacle() const = 0;

  // Rises whenever the rows may have changed, before anybody is told.
  virtual std::uint64_t revision() const = 0;

  // Every change of a status once it is durable, in the order of its numbers, before the `done` of its write.
  using ChangeWatch = std::function<void(std::int64_t id, const HistoryRow& row)>;
  virtual void watch_changes(ChangeWatch watch) = 0;
  virtual std::int64_t newest_change() const = 0;  // durable; 0: there is none
  // Changes behind this one, oldest first, at most so many. Reads on the `query` executor.
  virtual void changes_after(std::int64_t id, const EventFilter& filter, std::int64_t most,
                             std::function<void(Result<std::vector<StatusChange>>)> done) = 0;
  // What this idempotency key stands for.
  virtual Result<std::optional<SubmissionRow>> submission(const std::string& key) = 0;

  // Numbers for new rows, rising over restarts.
  virtual std::int64_t new_job_seq() = 0;
  virtual std::int64_t new_execution_seq() = 0;

  virtual Result<std::optional<JobRow>> job(const JobId& id) = 0;
  // The rows of a list, as sequence numbers in its order. Looks at the rows of one moment. What an index does not lead
  // to is looked for on the `query` executor. unavailable: words of earlier versions are still being read.
  virtual void find(ListKind kind, const ListQuery& query, std::function<void(Result<FoundRows>)> done) = 0;
  // The same at once, however long it takes.
  virtual Result<FoundRows> find_now(ListKind kind, const ListQuery& query) = 0;
  // Rows with the first kDocumentPiece bytes of their documents: documents may be large.
  static constexpr std::uint64_t kDocumentPiece = 1 << 20;
  virtual Result<std::optional<JobRow>> job_beginning(std::int64_t seq) = 0;
  virtual Result<std::optional<JobRow>> job_beginning(const JobId& id) = 0;
  virtual Result<std::optional<ExecutionRow>> execution_beginning(std::int64_t seq) = 0;
  virtual Result<std::optional<ExecutionRow>> execution_beginning(const ExecutionId& id) = 0;
  virtual Result<std::optional<ExecutionRow>> latest_execution_beginning(const JobId& id) = 0;
  // The piece of a document that begins at this byte. unavailable: the job was written since.
  virtual Result<std::string> document_piece(const JobRow& row, std::uint64_t offset) = 0;
  virtual Result<std::string> document_piece(const ExecutionRow& row, std::uint64_t offset) = 0;
  // The rows of a page with whole documents, for small ones.
  Result<std::vector<JobRow>> jobs(const ListQuery& query);
  virtual Result<std::optional<ExecutionRow>> execution(const ExecutionId& id) = 0;
  // Its row with an empty document.
  virtual Result<std::optional<ExecutionRow>> execution_facts(const ExecutionId& id) = 0;
  virtual Result<std::optional<ExecutionRow>> latest_execution_facts(const JobId& id) = 0;
  // The job of an execution in canonical form (core/model/job_spec.h); "" of one that an earlier version bore, whose
  // document says it.
  virtual Result<std::string> execution_spec(const ExecutionId& id) = 0;
  Result<std::vector<ExecutionRow>> executions(const ListQuery& query);
  virtual Result<std::optional<ExecutionRow>> latest_execution(const JobId& id) = 0;
  virtual Result<std::vector<ExecutionId>> executions_of(const JobId& id) = 0;  // oldest first
  struct Descent {
    ExecutionId ex_id;
    ExecutionId source_ledger;
    bool has_ledger = false;
    bool removed = false;
  };
  // Those with a source, removed ones among them; oldest first.
  virtual Result<std::vector<Descent>> recoveries_of(const JobId& id) = 0;
  // Of this lineage, oldest first; without removed ones. With empty documents.
  virtual Result<std::vector<ExecutionRow>> executions_of_lineage(const ExecutionId& lineage) = 0;
  virtual Result<std::optional<RemovedRow>> removed(const ExecutionId& id) = 0;
  virtual Result<std::optional<RemovedRow>> latest_removed(const JobId& id) = 0;
  virtual Result<std::vector<RemovedRow>> unfreed() = 0;
  // Typed rows, without documents. Lists are read on the `query` executor.
  virtual void job_views(const ListQuery& query, std::function<void(Result<ListedJobs>)> done) = 0;
  virtual Result<std::optional<JobView>> job_view(std::int64_t number) = 0;
  virtual Result<std::vector<JobEvent>> job_events(const JobId& id) = 0;
  // Ended executions beyond the limits, oldest first, at most so many. Reads on the `query` executor.
  virtual void find_outlived(const RetentionLimits& limits, WallMs now, std::int64_t most,
                             std::function<void(Result<std::vector<ExecutionId>>)> done) = 0;
  struct Ended {
    ExecutionId ex_id;
    bool newest = false;  // of a job that is not deleted: never outlived, as the job goes on from it
  };
  // Every ended execution, oldest first. Reads on the `query` executor.
  virtual void list_ended(std::function<void(Result<std::vector<Ended>>)> done) = 0;
  virtual Result<std::vector<ExecutionRow>> live_executions() = 0;  // oldest first; with empty documents
  virtual Result<std::vector<ExecutionId>> executions_with_errors(
      std::int64_t limit) = 0;                                                 // failed slices; newest change first
  virtual Result<std::vector<HistoryRow>> history(const ExecutionId& id) = 0;  // oldest first
  virtual Result<std::vector<ProcessRow>> processes() = 0;
  virtual Result<std::uint64_t> epoch(const JobId& id) = 0;  // 0: none issued yet

  virtual Result<std::optional<AssetRow>> asset(const std::string& id) = 0;
  virtual Result<std::vector<AssetRow>> assets() = 0;  // all, oldest first
  // invalid: unknown sort field or order.
  virtual Result<std::vector<AssetRow>> assets(const AssetQuery& query) = 0;
};

// What an execution runs. corrupt: names it.
Result<JobSpec> spec_of(Registry& registry, const ExecutionRow& row);
// The same in two steps: its text, which may be large, and the job that it says. The second step on any thread.
Result<std::string> stored_spec(Registry& registry, const ExecutionRow& row);
Result<JobSpec> spec_of(const ExecutionId& id, std::string_view stored);
// What its processes are started with: the job without what may be large (parse_job_settings).
Result<JobSpec> settings_of(Registry& registry, const ExecutionRow& row);

}  // namespace slicemill::master
