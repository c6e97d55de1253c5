// Job and execution documents: how rows of the registry look to users, and how new rows come to be. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/model/launch.h"
#include "core/runtime/json.h"
#include "core/runtime/json_text.h"
#include "core/runtime/result.h"
#include "master/node_facts.h"
#include "master/registry.h"

namespace slicemill::master {

// The posted document with job_id, _context, _created, _updated (and _deleted, _deleted_on) laid over it.
Result<Json> job_document(const JobRow& row);
// What is known of a live execution beside its row; "" for nothing.
struct LiveFacts {
  std::string reason;    // why it is as it is just now
  std::string progress;  // JSON, as its controller said last
};

// The resolved document with ids, status, times, errors and counts laid over it, and how far it is. Of an ended one
// with the summary that its controller left.
Result<Json> execution_document(const ExecutionRow& row, const LiveFacts& live = {});

// What is laid over the stored documents, as JSON text.
JsonMembers job_members(const JobRow& row);
JsonMembers execution_members(const ExecutionRow& row, const LiveFacts& live);
// The same progress of an execution that does not get on now.
std::string without_rates(const std::string& progress);

// What a job that says nothing is.
bool is_active(const Json& posted);
// The row of a job from what was posted; fields that only the server sets are taken out first.
JobRow make_job(const JobId& id, std::int64_t seq, Json posted, WallMs now);
// The same job with another document: keeps id, sequence, creation. Fields that were not sent vanish.
JobRow replace_job(const JobRow& former, Json posted, WallMs now);

struct ExecutionOrigin {
  ExecutionId ex_id;
  std::int64_t seq = 0;
  JobId job_id;
  WallMs now = 0;
  Json config;                      // resolved
  ExecutionId recovered_execution;  // empty: a fresh start
  CleanupType cleanup = CleanupType::none;
  std::string recovered_slice_type;  // as shown; "" for none
  ExecutionId source_ledger;
  ExecutionId lineage;       // of source_ledger; empty: its own
  bool owns_staging = true;  // of that lineage
  Json redriven_records;     // of a redrive of chosen ones (core/model/mended_records.h); null: of all
};
// Members of a document that are not stored with it, or are newer than what is stored.
void lay_over(const JsonMembers& members, Json& json);
// The directories of an execution: a data directory may have moved since its document was written.
JsonMembers place_members(const ExecutionId& id, const DataLayout& layout);
ExecutionRow make_execution(ExecutionOrigin creation, const DataLayout& layout);

// The resolved configuration inside an execution's row, without what belongs to that one execution: what a recovery of
// it runs.
Result<Json> recovered_config(const ExecutionRow& row);

// The members of an execution's document that do not belong to its configuration.
std::vector<std::string> execution_facts();

// env_vars of a resolved document.
std::vector<std::pair<std::string, std::string>> job_environment(const Json& config);

}  // namespace slicemill::master
