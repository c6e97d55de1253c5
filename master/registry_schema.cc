#include "master/registry_schema.h"

#include <fmt/core.h>

#include <iterator>
#include <string>

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
};
static_assert(std::size(kSteps) == kRegistryVersion);

}  // namespace

Result<void> prepare_schema(Database& database) {
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
  RETURN_IF_ERROR(database.execute("BEGIN IMMEDIATE"));
  for (; version < kRegistryVersion; ++version) RETURN_IF_ERROR(database.execute(kSteps[version]));
  RETURN_IF_ERROR(database.execute(fmt::format("PRAGMA user_version = {}", kRegistryVersion)));
  return database.execute("COMMIT");
}

}  // namespace slicemill::master
