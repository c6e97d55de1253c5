// Job and execution documents: how rows of the registry look to users, and how new rows come to be. What the members of
// documents are called is the dialect's (core/model/job_dialect.h). Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/model/job_dialect.h"
#include "core/model/launch.h"
#include "core/runtime/json.h"
#include "core/runtime/json_text.h"
#include "core/runtime/result.h"
#include "master/registry/registry.h"

namespace slicemill::master {

// What is known of a live execution beside its row.
struct LiveFacts {
  std::string reason;                // why it is as it is just now; "": nothing
  std::optional<Progress> progress;  // as its controller said last
};

// Nothing: nothing was counted yet, or what was stored cannot be read.
std::optional<Stats> stored_stats(const ExecutionRow& row);

JobFacts facts_of(const JobRow& row);
ExecutionFacts facts_of(const ExecutionRow& row, const LiveFacts& live = {});

// The stored document with what its row knows laid over it.
Result<Json> job_document(const JobRow& row, const JobDialect& dialect);
Result<Json> execution_document(const ExecutionRow& row, const JobDialect& dialect);

// Members of a document that are not stored with it, or are newer than what is stored.
void lay_over(const JsonMembers& members, Json& json);
JsonMembers place_members(const ExecutionId& id, const DataLayout& layout, const JobDialect& dialect);

// The row of a job from what was posted; members that only the server sets are taken out first.
JobRow make_job(const JobId& id, std::int64_t seq, Json posted, WallMs now, const JobDialect& dialect);
// The same job with another document: keeps id, sequence, creation. Members that were not sent vanish.
JobRow replace_job(const JobRow& former, Json posted, WallMs now, const JobDialect& dialect);
// The same job with another mark.
JobRow mark_job(JobRow former, bool active, WallMs now, const JobDialect& dialect);

struct ExecutionOrigin {
  ExecutionId ex_id;
  std::int64_t seq = 0;
  JobId job_id;
  WallMs now = 0;
  JobSpec spec;                     // what it runs
  Json document;                    // the same in the words of its dialect
  ExecutionId recovered_execution;  // empty: a fresh start
  CleanupType cleanup = CleanupType::none;
  std::string recovered_slice_type;  // as shown; "" for none
  ExecutionId source_ledger;
  ExecutionId lineage;       // of source_ledger; empty: its own
  bool owns_staging = true;  // of that lineage
  Json redriven_records;     // of a redrive of chosen ones (core/model/mended_records.h); null: of all
};
ExecutionRow make_execution(ExecutionOrigin creation, const DataLayout& layout, const JobDialect& dialect);

// The resolved document of an execution without what belongs to that one execution: that of a recovery of it.
Result<Json> recovered_document(const ExecutionRow& row, const JobDialect& dialect);

}  // namespace slicemill::master
