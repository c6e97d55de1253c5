#include "master/registry/registry.h"

#include <fmt/core.h>

#include <utility>

#include "core/model/job_settings.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "master/lists/list_search.h"
#include "master/lists/list_words.h"
#include "master/registry/registry_assets.h"
#include "master/registry/registry_removals.h"
#include "master/registry/registry_rows.h"
#include "master/registry/registry_schema.h"
#include "master/registry/registry_views.h"
#include "master/registry/registry_writes.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

namespace {

constexpr Duration kProbeEvery = std::chrono::seconds(1);  // while there is an obstacle

// Rows of an earlier version whose words are read in one step, some 30 ms; writes come between.
constexpr std::int64_t kWordsStep = 200;

Result<std::vector<ExecutionRow>> read_executions(Statement& query) {
  std::vector<ExecutionRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return rows;
    ASSIGN_OR_RETURN(ExecutionRow row, read_execution(query));
    rows.push_back(std::move(row));
  }
}

Result<std::int64_t> query_integer(Database& database, const std::string& sql) {
  ASSIGN_OR_RETURN(Statement query, database.statement(sql));
  RETURN_IF_ERROR(query.step());
  return query.integer(0);
}

// For reading: lists can be found in it.
Result<std::unique_ptr<Database>> open_reader(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::open(path, Database::Mode::read_only));
  RETURN_IF_ERROR(add_list_functions(*database));
  return database;
}

// For one look at whole tables without documents, which SQLite reads whole where it looks for a key: without a copy of
// each page. What is mapped counts as memory of the process, so it does not stay.
Result<std::unique_ptr<Database>> open_mapped(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database, open_reader(path));
  RETURN_IF_ERROR(database->execute("PRAGMA mmap_size = 1073741824"));
  return database;
}

// What the store executor works on. Alive as long as a task of it is.
struct PendingWrite {
  RegistryBatch batch;
  std::int64_t first_change = 0;  // number of the first line of history
  std::function<void(Result<void>)> done;
  Result<void> result;
};

// One transaction for the whole group, a savepoint for each batch: a batch that breaks a rule fails alone.
void commit_group(Database& database, const ListIndex& index, std::vector<PendingWrite>& group) {
  Result<void> outcome = database.execute("BEGIN IMMEDIATE");
  if (outcome) {
    for (auto& write : group) {
      outcome = database.execute("SAVEPOINT batch");
      if (!outcome) break;
      write.result = write_rows(database, write.batch, index, write.first_change);
      if (!write.result) outcome = database.execute("ROLLBACK TO batch");
      if (outcome) outcome = database.execute("RELEASE batch");
      if (!outcome) break;
    }
    if (outcome) outcome = fault("registry.commit");
    if (outcome) outcome = database.execute("COMMIT");
    // A full disk may have ended the transaction already; then this says so and nothing is lost by it.
    if (!outcome) (void)database.execute("ROLLBACK");
  }
  if (outcome) return (void)fault("registry.committed");
  for (auto& write : group) {
    if (write.result) write.result = outcome.error();
  }
}

Result<bool> complete_a_part(Database& database, const JobDialect& dialect) {
  ASSIGN_OR_RETURN(const bool made, make_list_index(database));
  return made ? Result<bool>(true) : read_words_on(database, dialect, kWordsStep);
}

// True: there may be more to do.
Result<bool> complete_step(Database& database, const JobDialect& dialect) {
  RETURN_IF_ERROR(database.execute("BEGIN IMMEDIATE"));
  auto more = complete_a_part(database, dialect);
  if (const auto ended = database.execute(more ? "COMMIT" : "ROLLBACK"); more && !ended) {
    (void)database.execute("ROLLBACK");
    return ended.error();
  }
  return more;
}

// Writes a page of the file with what it holds.
Result<void> write_nothing_new(Database& database) {
  RETURN_IF_ERROR(fault("registry.commit"));
  ASSIGN_OR_RETURN(const std::int64_t version, query_integer(database, "PRAGMA user_version"));
  return database.execute(fmt::format("PRAGMA user_version = {}", version));
}

constexpr const char* kLatestOfJob = "WHERE job_id = ?1 ORDER BY seq DESC LIMIT 1";

class SqliteRegistry final : public Registry {
 public:
  SqliteRegistry(Loop& loop, std::string path, std::shared_ptr<Database> writer, std::unique_ptr<Database> reader,
                 std::shared_ptr<const ListIndex> index)
      : loop_(loop),
        path_(std::move(path)),
        index_(std::move(index)),
        writer_(std::move(writer)),
        reader_(std::move(reader)) {}

  Result<void> load() {
    ASSIGN_OR_RETURN(job_seq_, query_integer(*reader_, "SELECT coalesce(max(seq), 0) FROM jobs"));
    ASSIGN_OR_RETURN(execution_seq_, query_integer(*reader_,
                                                   "SELECT max((SELECT coalesce(max(seq), 0) FROM executions), "
                                                   "(SELECT coalesce(max(seq), 0) FROM removed_executions))"));
    // The number of a line that was removed with its execution counts too.
    ASSIGN_OR_RETURN(newest_change_, query_integer(*reader_,
                                                   "SELECT coalesce(max(seq), 0) FROM sqlite_sequence "
                                                   "WHERE name = 'history'"));
    last_change_ = newest_change_;
    return {};
  }

  // What is left of the upgrade of a former version, beside the work: one step after the other, each behind the writes
  // that wait by then.
  void complete() {
    auto more = std::make_shared<Result<bool>>(false);
    loop_.offload(
        Loop::Executor::store,
        [more, writer = writer_, index = index_] { *more = complete_step(*writer, index->dialect()); },
        [this, more, alive = std::weak_ptr<int>(alive_)] {
          if (alive.expired()) return;
          if (*more && !**more) return;
          if (*more) {
            ++revision_;
            return complete();
          }
          log(LogLevel::warn, "the upgrade of the registry goes on later: {}", more->error().message);
          loop_.after(kProbeEvery, [this, alive] {
            if (!alive.expired()) complete();
          });
        });
  }

  void write(RegistryBatch batch, std::function<void(Result<void>)> done) override {
    const std::int64_t first_change = last_change_ + 1;
    last_change_ += static_cast<std::int64_t>(batch.history.size());
    waiting_.push_back({std::move(batch), first_change, std::move(done), {}});
    if (!committing_) commit_waiting();
  }

  void probe(std::function<void(Result<void>)> done) override {
    auto result = std::make_shared<Result<void>>();
    loop_.offload(
        Loop::Executor::store, [writer = writer_, result] { *result = write_nothing_new(*writer); },
        [this, result, done = std::move(done), alive = std::weak_ptr<int>(alive_)] {
          if (alive.expired()) return;
          judge(*result);
          done(*result);
        });
  }

  const std::optional<Error>& obstacle() const override { return obstacle_; }

  std::uint64_t revision() const override { return revision_; }

  void watch_changes(ChangeWatch watch) override { watch_ = std::move(watch); }
  std::int64_t newest_change() const override { return newest_change_; }
  void changes_after(std::int64_t id, const EventFilter& filter, std::int64_t most,
                     std::function<void(Result<std::vector<StatusChange>>)> done) override {
    read_beside<std::vector<StatusChange>>(
        open_reader, [=](Database& database) { return read_changes(database, id, filter, most); }, std::move(done));
  }
  Result<std::optional<SubmissionRow>> submission(const std::string& key) override {
    return read_submission(*reader_, key);
  }

  std::int64_t new_job_seq() override { return ++job_seq_; }
  std::int64_t new_execution_seq() override { return ++execution_seq_; }

  Result<std::optional<JobRow>> job(const JobId& id) override { return one_job(kJobColumns, false, "job_id", id.text); }

  Result<FoundRows> find_now(ListKind kind, const ListQuery& query) override {
    return find_in(*reader_, kind, query, index_->dialect());
  }

  void find(ListKind kind, const ListQuery& query, std::function<void(Result<FoundRows>)> done) override {
    if (is_found_at_once(query)) return done(find_now(kind, query));
    read_beside<FoundRows>(
        kind == ListKind::jobs && query.statuses ? open_reader : open_mapped,
        [kind, query, index = index_](Database& database) { return find_in(database, kind, query, index->dialect()); },
        std::move(done));
  }

  Result<std::optional<JobRow>> job_beginning(std::int64_t seq) override {
    return one_job(job_beginning_, true, "seq", seq);
  }
  Result<std::optional<JobRow>> job_beginning(const JobId& id) override {
    return one_job(job_beginning_, true, "job_id", id.text);
  }

  Result<std::optional<ExecutionRow>> execution_beginning(std::int64_t seq) override {
    return one_execution(execution_beginning_, true, "WHERE seq = ?1", seq);
  }
  Result<std::optional<ExecutionRow>> execution_beginning(const ExecutionId& id) override {
    return one_execution(execution_beginning_, true, "WHERE ex_id = ?1", id.text);
  }
  Result<std::optional<ExecutionRow>> latest_execution_beginning(const JobId& id) override {
    return one_execution(execution_beginning_, true, kLatestOfJob, id.text);
  }

  Result<std::string> document_piece(const JobRow& row, std::uint64_t offset) override {
    return piece("jobs", "job_id", row.job_id.text, row.updated, row.doc_size, offset);
  }
  // The document of an execution is never written again, its row is.
  Result<std::string> document_piece(const ExecutionRow& row, std::uint64_t offset) override {
    return piece("executions", "ex_id", row.ex_id.text, std::nullopt, row.doc_size, offset);
  }

  Result<std::optional<ExecutionRow>> execution(const ExecutionId& id) override {
    return one_execution(kExecutionColumns, false, "WHERE ex_id = ?1", id.text);
  }

  Result<std::optional<ExecutionRow>> execution_facts(const ExecutionId& id) override {
    return one_execution(execution_facts_, false, "WHERE ex_id = ?1", id.text);
  }
  Result<std::optional<ExecutionRow>> latest_execution_facts(const JobId& id) override {
    return one_execution(execution_facts_, false, kLatestOfJob, id.text);
  }

  Result<std::optional<ExecutionRow>> latest_execution(const JobId& id) override {
    return one_execution(kExecutionColumns, false, kLatestOfJob, id.text);
  }

  Result<std::vector<ExecutionId>> executions_of(const JobId& id) override {
    ASSIGN_OR_RETURN(Statement query,
                     reader_->statement("SELECT ex_id FROM executions WHERE job_id = ?1 ORDER BY seq"));
    query.bind(1, id.text);
    return read_execution_ids(query);
  }

  Result<std::vector<Descent>> recoveries_of(const JobId& id) override { return read_recoveries(*reader_, id); }

  Result<std::vector<ExecutionRow>> executions_of_lineage(const ExecutionId& lineage) override {
    ASSIGN_OR_RETURN(
        Statement query,
        reader_->statement(fmt::format("SELECT {} FROM executions WHERE lineage = ?1 ORDER BY seq", execution_facts_)));
    query.bind(1, lineage.text);
    return read_executions(query);
  }

  Result<std::optional<RemovedRow>> removed(const ExecutionId& id) override { return read_removed(*reader_, id); }
  Result<std::optional<RemovedRow>> latest_removed(const JobId& id) override {
    return read_latest_removed(*reader_, id);
  }
  Result<std::vector<RemovedRow>> unfreed() override { return read_unfreed(*reader_); }

  void find_outlived(const RetentionLimits& limits, WallMs now, std::int64_t most,
                     std::function<void(Result<std::vector<ExecutionId>>)> done) override {
    read_beside<std::vector<ExecutionId>>(
        open_reader, [=](Database& database) { return read_outlived(database, limits, now, most); }, std::move(done));
  }
  void job_views(const ListQuery& query, std::function<void(Result<ListedJobs>)> done) override {
    const auto fields = index_->dialect().job_fields();
    read_beside<ListedJobs>(
        open_reader, [=](Database& database) { return read_job_views(database, query, fields); }, std::move(done));
  }
  Result<std::optional<JobView>> job_view(std::int64_t number) override { return read_job_view(*reader_, number); }
  Result<std::vector<JobEvent>> job_events(const JobId& id) override { return read_job_events(*reader_, id); }
  void list_ended(std::function<void(Result<std::vector<Ended>>)> done) override {
    read_beside<std::vector<Ended>>(open_reader, read_ended, std::move(done));
  }

  Result<std::string> execution_spec(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(Statement query, reader_->statement("SELECT spec FROM execution_specs WHERE ex_id = ?1"));
    query.bind(1, id.text);
    ASSIGN_OR_RETURN(const bool found, query.step());
    return found ? query.text(0) : std::string();
  }

  Result<std::vector<ExecutionRow>> live_executions() override {
    ASSIGN_OR_RETURN(Statement query,
                     reader_->statement(fmt::format("SELECT {} FROM executions WHERE status IN ({}) ORDER BY seq",
                                                    execution_facts_, live_status_words())));
    return read_executions(query);
  }

  Result<std::vector<ExecutionId>> executions_with_errors(std::int64_t limit) override {
    ASSIGN_OR_RETURN(
        Statement query,
        reader_->statement(
            "SELECT ex_id FROM executions WHERE failed > 0 AND deleted = 0 ORDER BY updated DESC LIMIT ?1"));
    query.bind(1, limit);
    return read_execution_ids(query);
  }

  Result<std::vector<HistoryRow>> history(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(Statement query,
                     reader_->statement("SELECT ex_id, at, from_state, event, to_state, reason FROM history "
                                        "WHERE ex_id = ?1 ORDER BY rowid"));
    query.bind(1, id.text);
    std::vector<HistoryRow> rows;
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, query.step());
      if (!more) return rows;
      rows.push_back(
          {ExecutionId(query.text(0)), query.integer(1), query.text(2), query.text(3), query.text(4), query.text(5)});
    }
  }

  Result<std::vector<ProcessRow>> processes() override {
    ASSIGN_OR_RETURN(
        Statement query,
        reader_->statement("SELECT boot_id, pid, start_ticks, ex_id, job_id, role, ordinal, place, worker_id, "
                           "epoch FROM processes ORDER BY ordinal"));
    std::vector<ProcessRow> rows;
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, query.step());
      if (!more) return rows;
      ProcessRow row;
      row.process = {query.text(0), static_cast<pid_t>(query.integer(1)), static_cast<std::uint64_t>(query.integer(2))};
      row.ex_id = ExecutionId(query.text(3));
      row.job_id = JobId(query.text(4));
      row.is_controller = query.text(5) == "controller";
      row.ordinal = query.integer(6);
      row.place = query.integer(7);
      row.worker_id = WorkerId(query.text(8));
      row.epoch = static_cast<std::uint64_t>(query.integer(9));
      rows.push_back(std::move(row));
    }
  }

  Result<std::uint64_t> epoch(const JobId& id) override {
    ASSIGN_OR_RETURN(Statement query, reader_->statement("SELECT epoch FROM epochs WHERE job_id = ?1"));
    query.bind(1, id.text);
    ASSIGN_OR_RETURN(const bool found, query.step());
    return found ? static_cast<std::uint64_t>(query.integer(0)) : 0;
  }

  Result<std::optional<AssetRow>> asset(const std::string& id) override { return read_asset(*reader_, id); }
  Result<std::vector<AssetRow>> assets() override { return read_assets(*reader_); }
  Result<std::vector<AssetRow>> assets(const AssetQuery& query) override { return read_assets(*reader_, query); }

 private:
  template <typename Bound>
  Result<std::optional<JobRow>> one_job(const std::string& columns, bool is_beginning, const char* key,
                                        const Bound& bound) {
    ASSIGN_OR_RETURN(Statement query,
                     reader_->statement(fmt::format("SELECT {} FROM jobs WHERE {} = ?1", columns, key)));
    query.bind(1, bound);
    ASSIGN_OR_RETURN(const bool found, query.step());
    if (!found) return std::optional<JobRow>();
    return std::optional(read_job(query, is_beginning));
  }

  template <typename Bound>
  Result<std::optional<ExecutionRow>> one_execution(const std::string& columns, bool is_beginning,
                                                    const char* condition, const Bound& bound) {
    ASSIGN_OR_RETURN(Statement query,
                     reader_->statement(fmt::format("SELECT {} FROM executions {}", columns, condition)));
    query.bind(1, bound);
    ASSIGN_OR_RETURN(const bool found, query.step());
    if (!found) return std::optional<ExecutionRow>();
    ASSIGN_OR_RETURN(ExecutionRow row, read_execution(query, is_beginning));
    return std::optional(std::move(row));
  }

  // SQLite reads the whole document for it and keeps nothing.
  Result<std::string> piece(const char* table, const char* key, const std::string& id, std::optional<WallMs> updated,
                            std::uint64_t size, std::uint64_t offset) {
    ASSIGN_OR_RETURN(Statement query,
                     reader_->statement(fmt::format("SELECT updated, length(CAST(doc AS BLOB)), "
                                                    "substr(CAST(doc AS BLOB), ?2, {}) FROM {} WHERE {} = ?1",
                                                    kDocumentPiece, table, key)));
    query.bind(1, id);
    query.bind(2, static_cast<std::int64_t>(offset) + 1);
    ASSIGN_OR_RETURN(const bool found, query.step());
    const bool is_same =
        found && (!updated || query.integer(0) == *updated) && static_cast<std::uint64_t>(query.integer(1)) == size;
    if (!is_same)
      return Error{ErrorCode::unavailable, fmt::format("the document of {} was changed while it was read", id)};
    return query.text(2);
  }

  static Result<FoundRows> find_in(Database& database, ListKind kind, const ListQuery& query,
                                   const JobDialect& dialect) {
    ASSIGN_OR_RETURN(const ReadTransaction transaction, ReadTransaction::begin(database));
    return find_rows(database, kind, query, kind == ListKind::jobs ? dialect.job_fields() : dialect.execution_fields());
  }

  // What looks at many rows does so on the query executor, through a connection of its own.
  template <typename T, typename Open>
  void read_beside(Open connect, std::function<Result<T>(Database&)> read, std::function<void(Result<T>)> done) {
    auto found = std::make_shared<Result<T>>(T());
    auto work = [found, read = std::move(read), connect, path = path_] {
      const auto database = connect(path);
      *found = database ? read(**database) : database.error();
    };
    loop_.offload(Loop::Executor::query, std::move(work),
                  [found, done = std::move(done), alive = std::weak_ptr<int>(alive_)] {
                    if (!alive.expired()) done(std::move(*found));
                  });
  }

  void commit_waiting() {
    committing_ = true;
    auto group = std::make_shared<std::vector<PendingWrite>>(std::move(waiting_));
    waiting_.clear();
    loop_.offload(
        Loop::Executor::store, [writer = writer_, index = index_, group] { commit_group(*writer, *index, *group); },
        [this, group, alive = std::weak_ptr<int>(alive_)] {
          if (alive.expired()) return;
          committing_ = false;
          ++revision_;
          if (!waiting_.empty()) commit_waiting();
          for (const auto& write : *group)
            if (write.result) tell_changes(write);
          for (auto& write : *group) {
            judge(write.result);
            if (!write.result && !write.result.error().obstacle)
              log(LogLevel::error, "registry write failed: {}", write.result.error().message);
            if (write.done) write.done(std::move(write.result));
            if (alive.expired()) return;  // a callback may end the master
          }
        });
  }

  void tell_changes(const PendingWrite& write) {
    std::int64_t id = write.first_change;
    for (const HistoryRow& row : write.batch.history) {
      newest_change_ = id++;
      if (watch_) watch_(newest_change_, row);
    }
  }

  // An error that is the write's own says that the file itself can be written.
  void judge(const Result<void>& result) {
    const bool obstructed = !result && result.error().obstacle;
    if (!obstructed) {
      if (obstacle_) log(LogLevel::info, "the registry can be written again");
      obstacle_.reset();
      return;
    }
    if (!obstacle_) log(LogLevel::error, "the registry cannot be written: {}", result.error().message);
    obstacle_ = result.error();
    probe_later();
  }

  void probe_later() {
    if (std::exchange(probe_waits_, true)) return;
    loop_.after(kProbeEvery, [this, alive = std::weak_ptr<int>(alive_)] {
      if (alive.expired()) return;
      probe_waits_ = false;
      if (obstacle_) probe([](const Result<void>&) {});
    });
  }

  const std::string job_beginning_ = beginning_columns(kJobColumns);
  const std::string execution_beginning_ = beginning_columns(kExecutionColumns);
  const std::string execution_facts_ = fact_columns(kExecutionColumns);
  Loop& loop_;
  const std::string path_;
  const std::shared_ptr<const ListIndex> index_;
  std::shared_ptr<Database> writer_;  // touched by the store executor only
  std::unique_ptr<Database> reader_;
  std::uint64_t revision_ = 1;
  std::vector<PendingWrite> waiting_;
  bool committing_ = false;
  std::optional<Error> obstacle_;
  bool probe_waits_ = false;
  std::int64_t job_seq_ = 0;
  std::int64_t execution_seq_ = 0;
  std::int64_t last_change_ = 0;    // number that was given
  std::int64_t newest_change_ = 0;  // the durable one
  ChangeWatch watch_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace

Result<std::string> stored_spec(Registry& registry, const ExecutionRow& row) {
  if (!row.spec.empty()) return row.spec;
  ASSIGN_OR_RETURN(std::string text, registry.execution_spec(row.ex_id));
  if (!text.empty() || !row.doc.empty()) return text.empty() ? row.doc : text;
  ASSIGN_OR_RETURN(const auto whole, registry.execution(row.ex_id));
  return whole ? whole->doc : std::string();
}

namespace {

Result<JobSpec> judged(const ExecutionId& id, Result<JobSpec> spec) {
  if (spec) return spec;
  return Error{ErrorCode::corrupt,
               fmt::format("registry: the job of execution {} is broken: {}", id.text, spec.error().message)};
}

}  // namespace

Result<JobSpec> spec_of(const ExecutionId& id, std::string_view stored) {
  return judged(id, parse_job_spec(stored));
}

Result<JobSpec> spec_of(Registry& registry, const ExecutionRow& row) {
  ASSIGN_OR_RETURN(const std::string stored, stored_spec(registry, row));
  return spec_of(row.ex_id, stored);
}

Result<JobSpec> settings_of(Registry& registry, const ExecutionRow& row) {
  ASSIGN_OR_RETURN(const std::string stored, stored_spec(registry, row));
  return judged(row.ex_id, parse_job_settings(stored));
}

Result<std::vector<JobRow>> Registry::jobs(const ListQuery& query) {
  ASSIGN_OR_RETURN(const auto found, find_now(ListKind::jobs, query));
  std::vector<JobRow> rows;
  for (const std::int64_t seq : found.seqs) {
    ASSIGN_OR_RETURN(auto beginning, job_beginning(seq));
    if (!beginning) continue;
    ASSIGN_OR_RETURN(auto row, job(beginning->job_id));
    if (row) rows.push_back(std::move(*row));
  }
  return rows;
}

Result<std::vector<ExecutionRow>> Registry::executions(const ListQuery& query) {
  ASSIGN_OR_RETURN(const auto found, find_now(ListKind::executions, query));
  std::vector<ExecutionRow> rows;
  for (const std::int64_t seq : found.seqs) {
    ASSIGN_OR_RETURN(auto beginning, execution_beginning(seq));
    if (!beginning) continue;
    ASSIGN_OR_RETURN(auto row, execution(beginning->ex_id));
    if (row) rows.push_back(std::move(*row));
  }
  return rows;
}

Result<std::unique_ptr<Registry>> Registry::open(Loop& loop, const std::string& path, const JobDialect& dialect) {
  ASSIGN_OR_RETURN(std::shared_ptr<Database> writer, Database::open(path, Database::Mode::read_write));
  RETURN_IF_ERROR(writer->execute("PRAGMA journal_mode = WAL"));
  RETURN_IF_ERROR(writer->execute("PRAGMA synchronous = FULL"));
  auto index = std::make_shared<const ListIndex>(dialect);
  if (auto prepared = prepare_schema(*writer, *index); !prepared)
    return with_context(prepared.error(), "registry " + path);
  ASSIGN_OR_RETURN(std::unique_ptr<Database> reader, open_reader(path));
  auto registry = std::make_unique<SqliteRegistry>(loop, path, std::move(writer), std::move(reader), std::move(index));
  RETURN_IF_ERROR(registry->load());
  registry->complete();
  return std::unique_ptr<Registry>(std::move(registry));
}

}  // namespace slicemill::master
