#include "master/registry/registry_schema.h"

#include <fmt/core.h>

#include <iterator>
#include <string>

#include "master/lists/list_index.h"

namespace slicemill::master {

namespace {

// One entry per version; entry i leads from version i to i + 1. Never changed once released: a new version is a new
// entry.
//
// Documents are kept as posted (jobs) or resolved (executions); what changes during life stands in columns and is laid
// over the document when it is read. Times are milliseconds since 1970.
constexpr const char* kSteps[] = {
    R"sql(
CREATE TABLE jobs (
  job_id     TEXT PRIMARY KEY,
  seq        INTEGER NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  active     INTEGER NOT NULL,
  deleted    INTEGER NOT NULL,
  deleted_on INTEGER NOT NULL,
  created    INTEGER NOT NULL,
  updated    INTEGER NOT NULL,
  doc        TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_updated ON jobs (deleted, updated, seq);
CREATE INDEX jobs_created ON jobs (deleted, created, seq);
CREATE INDEX jobs_name ON jobs (deleted, name, seq);

CREATE TABLE executions (
  ex_id               TEXT PRIMARY KEY,
  seq                 INTEGER NOT NULL UNIQUE,
  job_id              TEXT NOT NULL,
  name                TEXT NOT NULL,
  status              TEXT NOT NULL,
  reason              TEXT NOT NULL,
  has_errors          INTEGER NOT NULL,
  failed              INTEGER NOT NULL,
  stats               TEXT NOT NULL,
  workers             INTEGER NOT NULL,
  deleted             INTEGER NOT NULL,
  deleted_on          INTEGER NOT NULL,
  created             INTEGER NOT NULL,
  updated             INTEGER NOT NULL,
  recovered_execution TEXT NOT NULL,
  cleanup             TEXT NOT NULL,
  source_ledger       TEXT NOT NULL,
  doc                 TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX executions_updated ON executions (deleted, updated, seq);
CREATE INDEX executions_created ON executions (deleted, created, seq);
CREATE INDEX executions_name ON executions (deleted, name, seq);
CREATE INDEX executions_status ON executions (status, updated);
CREATE INDEX executions_job ON executions (job_id, seq);
CREATE INDEX executions_errors ON executions (updated) WHERE failed > 0;

CREATE TABLE history (
  ex_id      TEXT NOT NULL,
  at         INTEGER NOT NULL,
  from_state TEXT NOT NULL,
  event      TEXT NOT NULL,
  to_state   TEXT NOT NULL,
  reason     TEXT NOT NULL
);
CREATE INDEX history_execution ON history (ex_id);

CREATE TABLE epochs (
  job_id TEXT PRIMARY KEY,
  epoch  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE processes (
  boot_id     TEXT NOT NULL,
  pid         INTEGER NOT NULL,
  start_ticks INTEGER NOT NULL,
  ex_id       TEXT NOT NULL,
  job_id      TEXT NOT NULL,
  role        TEXT NOT NULL,
  ordinal     INTEGER NOT NULL,
  place       INTEGER NOT NULL,
  worker_id   TEXT NOT NULL,
  epoch       INTEGER NOT NULL,
  PRIMARY KEY (boot_id, pid, start_ticks)
) WITHOUT ROWID;
)sql",
    // Lists are filtered and sorted in narrow tables, whose columns bear the names of the fields.
    R"sql(
CREATE TABLE job_index (
  seq           INTEGER PRIMARY KEY,
  deleted       INTEGER NOT NULL,
  listed_active INTEGER NOT NULL,
  context       TEXT NOT NULL DEFAULT 'job',
  "_created" INTEGER,
  "_updated" INTEGER,
  "_deleted_on" INTEGER,
  "active" INTEGER,
  "analytics" INTEGER,
  "autorecover" INTEGER,
  "stateful" INTEGER,
  "max_retries" INTEGER,
  "probation_window" INTEGER,
  "slicers" INTEGER,
  "workers" INTEGER,
  "lifecycle" TEXT,
  "log_level" TEXT,
  "job_id" TEXT,
  "name" TEXT,
  "name words" TEXT,
  "assets" TEXT
);
CREATE TABLE execution_index (
  seq           INTEGER PRIMARY KEY,
  deleted       INTEGER NOT NULL,
  context       TEXT NOT NULL DEFAULT 'ex',
  "_created" INTEGER,
  "_updated" INTEGER,
  "_deleted_on" INTEGER,
  "active" INTEGER,
  "analytics" INTEGER,
  "autorecover" INTEGER,
  "stateful" INTEGER,
  "max_retries" INTEGER,
  "probation_window" INTEGER,
  "slicers" INTEGER,
  "workers" INTEGER,
  "_has_errors" INTEGER,
  "relocatable" INTEGER,
  "slicer_port" INTEGER,
  "lifecycle" TEXT,
  "log_level" TEXT,
  "job_id" TEXT,
  "ex_id" TEXT,
  "_status" TEXT,
  "recovered_execution" TEXT,
  "recovered_slice_type" TEXT,
  "slicer_hostname" TEXT,
  "teraslice_version" TEXT,
  "name" TEXT,
  "name words" TEXT,
  "assets" TEXT,
  "_failureReason" TEXT,
  "_failureReason words" TEXT
);
CREATE INDEX job_index_updated ON job_index (deleted, "_updated", seq);
CREATE INDEX job_index_created ON job_index (deleted, "_created", seq);
CREATE INDEX job_index_name ON job_index (deleted, "name", seq);
CREATE INDEX job_index_lifecycle ON job_index (deleted, "lifecycle", seq);
CREATE INDEX job_index_workers ON job_index (deleted, "workers", seq);
CREATE INDEX job_index_slicers ON job_index (deleted, "slicers", seq);
CREATE INDEX job_index_job_id ON job_index (deleted, "job_id", seq);
CREATE INDEX execution_index_updated ON execution_index (deleted, "_updated", seq);
CREATE INDEX execution_index_created ON execution_index (deleted, "_created", seq);
CREATE INDEX execution_index_name ON execution_index (deleted, "name", seq);
CREATE INDEX execution_index_lifecycle ON execution_index (deleted, "lifecycle", seq);
CREATE INDEX execution_index_workers ON execution_index (deleted, "workers", seq);
CREATE INDEX execution_index_slicers ON execution_index (deleted, "slicers", seq);
CREATE INDEX execution_index_status ON execution_index (deleted, "_status", seq);
CREATE INDEX execution_index_ex_id ON execution_index (deleted, "ex_id", seq);
CREATE INDEX execution_index_job ON execution_index ("job_id");
DROP INDEX jobs_updated;
DROP INDEX jobs_created;
DROP INDEX jobs_name;
DROP INDEX executions_updated;
DROP INDEX executions_created;
DROP INDEX executions_name;
)sql",
    R"sql(
CREATE TABLE assets (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL,
  version TEXT NOT NULL,
  created INTEGER NOT NULL,
  doc     TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX assets_created ON assets (created, id);
CREATE INDEX assets_name ON assets (name, version);
)sql",
    // Lists are found in columns in memory, which take over the rows whose stamps are new.
    R"sql(
ALTER TABLE job_index ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution_index ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_index_stamp ON job_index (stamp);
CREATE INDEX execution_index_stamp ON execution_index (stamp);
DROP INDEX job_index_updated;
DROP INDEX job_index_created;
DROP INDEX job_index_name;
DROP INDEX job_index_lifecycle;
DROP INDEX job_index_workers;
DROP INDEX job_index_slicers;
DROP INDEX job_index_job_id;
DROP INDEX execution_index_updated;
DROP INDEX execution_index_created;
DROP INDEX execution_index_name;
DROP INDEX execution_index_lifecycle;
DROP INDEX execution_index_workers;
DROP INDEX execution_index_slicers;
DROP INDEX execution_index_status;
DROP INDEX execution_index_ex_id;
)sql",
    // Which executions had a ledger (their history tells; those of deleted jobs were freed), whose ledger each descends
    // from, and which executions were removed: what they did is known to no ledger any more.
    R"sql(
ALTER TABLE executions ADD COLUMN has_ledger INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN lineage TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN owns_staging INTEGER NOT NULL DEFAULT 1;
UPDATE executions SET has_ledger = 1 WHERE deleted = 0 AND ex_id IN (
  SELECT ex_id FROM history WHERE to_state IN ('recovering', 'running', 'failing', 'paused'));
CREATE TEMP TABLE descents AS WITH RECURSIVE descent (ex_id, root) AS (
  SELECT ex_id, ex_id FROM executions WHERE source_ledger = ''
  UNION ALL
  SELECT executions.ex_id, descent.root FROM descent JOIN executions ON executions.source_ledger = descent.ex_id)
SELECT ex_id, root FROM descent;
CREATE INDEX temp.descents_ex_id ON descents (ex_id);
UPDATE executions SET lineage = coalesce((SELECT root FROM descents WHERE descents.ex_id = executions.ex_id), ex_id);
DROP TABLE descents;
CREATE INDEX executions_lineage ON executions (lineage);
CREATE INDEX executions_deleted ON executions (deleted_on) WHERE deleted = 1;
CREATE INDEX executions_ended ON executions (job_id, seq, status);
DROP INDEX executions_job;
CREATE TABLE removed_executions (
  ex_id         TEXT PRIMARY KEY,
  seq           INTEGER NOT NULL,
  job_id        TEXT NOT NULL,
  source_ledger TEXT NOT NULL,
  lineage       TEXT NOT NULL,
  has_ledger    INTEGER NOT NULL,
  at            INTEGER NOT NULL,
  staging       TEXT NOT NULL,
  freed         INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX removed_executions_job ON removed_executions (job_id, seq);
CREATE INDEX removed_executions_at ON removed_executions (at);
CREATE INDEX removed_executions_freed ON removed_executions (at) WHERE freed = 0;
)sql",
    // Clients go on behind the last change that they saw, so a number of a change is never given again. And which job
    // was made for which idempotency key.
    R"sql(
CREATE TABLE numbered_history (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  ex_id      TEXT NOT NULL,
  at         INTEGER NOT NULL,
  from_state TEXT NOT NULL,
  event      TEXT NOT NULL,
  to_state   TEXT NOT NULL,
  reason     TEXT NOT NULL
);
INSERT INTO numbered_history SELECT rowid, ex_id, at, from_state, event, to_state, reason FROM history ORDER BY rowid;
DROP TABLE history;
ALTER TABLE numbered_history RENAME TO history;
CREATE INDEX history_execution ON history (ex_id);
CREATE TABLE submissions (
  key         TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  job_id      TEXT NOT NULL,
  ex_id       TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX submissions_job ON submissions (job_id);
)sql",
    // Jobs say which dialect they were posted in, and executions keep their job in canonical form
    // (core/model/job_spec.h), with its dialect and version. Earlier ones are read from their documents.
    R"sql(
ALTER TABLE jobs ADD COLUMN dialect TEXT NOT NULL DEFAULT 'teraslice';
CREATE TABLE execution_specs (
  ex_id TEXT PRIMARY KEY,
  spec  TEXT NOT NULL
) WITHOUT ROWID;
)sql",
    // Lists are found in the narrow tables themselves again, and searched by the words of documents. The words of what
    // is stored already are read in steps once the registry is open, and the indexes are made then (make_list_index).
    // The stamps stay, unused: to take a column away is to write every row again.
    R"sql(
DROP INDEX job_index_stamp;
DROP INDEX execution_index_stamp;
CREATE VIRTUAL TABLE job_words USING fts5
  (name, labels, description, operations, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE execution_words USING fts5
  (name, labels, description, operations, reason, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE TABLE words_to_read (
  list TEXT PRIMARY KEY,
  done INTEGER NOT NULL,
  last INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO words_to_read SELECT * FROM (SELECT 'job_words', 0, max(seq) AS last FROM jobs) WHERE last IS NOT NULL;
INSERT INTO words_to_read
  SELECT * FROM (SELECT 'execution_words', 0, max(seq) AS last FROM executions) WHERE last IS NOT NULL;
)sql",
};
static_assert(std::size(kSteps) == kRegistryVersion);

// Of the orders that lists without a filter have, and of executions by status.
struct ListOrder {
  const char* name;
  const char* columns;  // and their table
};
constexpr ListOrder kListOrders[] = {
    {"job_index_updated", R"(job_index (deleted, "_updated"))"},
    {"job_index_created", R"(job_index (deleted, "_created"))"},
    {"job_index_name", R"(job_index (deleted, "name"))"},
    {"execution_index_updated", R"(execution_index (deleted, "_updated"))"},
    {"execution_index_created", R"(execution_index (deleted, "_created"))"},
    {"execution_index_name", R"(execution_index (deleted, "name"))"},
    {"execution_index_status", R"(execution_index (deleted, "_status", "_updated"))"},
};

constexpr int kNarrowTables = 2;  // the version that made the tables of lists: an earlier one has no values for them

}  // namespace

Result<void> prepare_schema(Database& database, const ListIndex& index) {
  int version = 0;
  {
    ASSIGN_OR_RETURN(Statement query, database.statement("PRAGMA user_version"));
    RETURN_IF_ERROR(query.step());
    version = static_cast<int>(query.integer(0));
  }
  if (version > kRegistryVersion) {
    return Error{ErrorCode::unsupported,
                 fmt::format("the registry has version {}, this program knows up to {}; use a newer program", version,
                             kRegistryVersion)};
  }
  if (version == kRegistryVersion) return {};
  const bool lacks_values = version > 0 && version < kNarrowTables;
  RETURN_IF_ERROR(database.execute("BEGIN IMMEDIATE"));
  for (; version < kRegistryVersion; ++version) RETURN_IF_ERROR(database.execute(kSteps[version]));
  if (lacks_values) RETURN_IF_ERROR(index.rebuild(database));
  RETURN_IF_ERROR(database.execute(fmt::format("PRAGMA user_version = {}", kRegistryVersion)));
  return database.execute("COMMIT");
}

Result<bool> make_list_index(Database& database) {
  for (const ListOrder& order : kListOrders) {
    {
      ASSIGN_OR_RETURN(Statement query,
                       database.statement("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1"));
      query.bind(1, std::string_view(order.name));
      ASSIGN_OR_RETURN(const bool is_there, query.step());
      if (is_there) continue;
    }
    RETURN_IF_ERROR(database.execute(fmt::format("CREATE INDEX {} ON {}", order.name, order.columns)));
    return true;
  }
  return false;
}

}  // namespace slicemill::master
