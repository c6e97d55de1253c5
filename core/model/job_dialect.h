// What the middle asks of the dialect that a job was posted in: to read jobs, and to write the documents in which its
// clients see jobs and executions. Below a dialect nobody knows the members of such a document.
//
// Pure: no state, any thread. The master hands it around; a dialect implements it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/asset_bundle.h"
#include "core/model/asset_manifest.h"
#include "core/model/connections.h"
#include "core/model/execution.h"
#include "core/model/job_params.h"
#include "core/model/job_spec.h"
#include "core/model/job_warning.h"
#include "core/model/operation_schema.h"
#include "core/model/stats.h"
#include "core/query/field.h"
#include "core/runtime/clock.h"
#include "core/runtime/ids.h"
#include "core/runtime/json.h"
#include "core/runtime/json_text.h"
#include "core/runtime/result.h"

namespace slicemill {

// Where the bundles come from that a job names.
class AssetCatalog {
 public:
  virtual ~AssetCatalog() = default;
  // By id, "name", "name:1.2.3", "name:<range>" or "name:latest"; the error says what there is instead.
  virtual Result<AssetBundle> resolve(std::string_view reference) const = 0;
};

// What a job is judged by, beside the catalog of operations.
struct JobRules {
  PathRule paths{};
  const AssetCatalog* assets = nullptr;  // null: references to bundles stay as they are
  // Of who runs the job: "" if it can limit the processors of workers, otherwise why it cannot. Nothing: the job is not
  // for such a one.
  std::optional<std::string> no_cpu_limit{};
  bool issues_for_clients = false;  // in the form that clients of the dialect show; otherwise as plain text
  ParamRules params{};
  WallMs now = 0;                 // what relative dates count from; 0: this moment
  std::string lineage;            // the first execution of the lineage, which output paths may name; "": not known yet
  ConnectionTypes connections{};  // that operations may name
};

// A job that is good to run.
struct ValidatedJob {
  JobSpec spec;   // without ids
  Json document;  // resolved, in the words of the dialect: what its clients see of an execution
  std::vector<JobWarning> warnings;
};

// What is stored of a posted job.
struct PostedJob {
  std::string document;  // one line, without what only the server sets
  std::string name;
  bool active = true;  // a mark for lists
};

struct JobFacts {
  JobId job_id;
  WallMs created = 0;
  WallMs updated = 0;
  std::optional<WallMs> deleted_on;
};

struct ExecutionFacts {
  ExecutionId ex_id;
  JobId job_id;
  ExecutionStatus status = ExecutionStatus::pending;
  WallMs created = 0;
  WallMs updated = 0;
  bool has_errors = false;
  std::string reason;                     // of an outcome that is not a success, or of errors; "" for none
  std::string live_reason;                // why it is as it is just now; "" for nothing
  std::optional<Stats> stats;             // nothing: nothing is known
  std::optional<Progress> live_progress;  // as its controller said last; nothing: nothing is newer than `stats`
  std::optional<WallMs> deleted_on;
};

// The texts of a document that lists are searched in by words.
struct SearchTexts {
  std::string name;
  std::string labels;  // names and values, with blanks between them
  std::string description;
  std::string operations;  // their names, and those of bundles
};

// What an execution's document says from its creation on.
struct BirthFacts {
  ExecutionId recovered_execution;   // empty: a fresh start
  std::string recovered_slice_type;  // "" for none
  Json redriven_records;             // null: not of a redrive of chosen ones
};

struct ClusterProcess {
  std::int64_t ordinal = 0;  // number over the master's life
  bool is_controller = false;
  std::int64_t pid = 0;
  ExecutionId ex_id;
  JobId job_id;
  WorkerId worker_id;  // of workers
};

// One node: this machine.
struct ClusterFacts {
  std::string name;
  std::string hostname;
  std::string address;  // that the master listens on
  std::int64_t master_pid = 0;
  std::int64_t slots = 0;  // workers take them; the master and controllers do not
  std::vector<ClusterProcess> processes;
  std::string obstacle;  // why nothing can be recorded at present; "" if all is well
};

class JobDialect {
 public:
  virtual ~JobDialect() = default;
  virtual std::string_view name() const = 0;

  // ---- jobs ----
  // invalid: this is no job that could be taken; said before anything in it is judged.
  virtual Result<void> check_posted(const Json& posted) const = 0;
  // The error lists every issue.
  virtual Result<ValidatedJob> validate(const Json& posted, const OperationCatalog& catalog,
                                        const JobRules& rules) const = 0;
  // The bundles that a job names, as far as that can be said before it is validated.
  virtual std::vector<std::string> bundles_named(const Json& posted, const OperationCatalog& catalog) const = 0;
  virtual bool is_active(const Json& posted) const = 0;
  virtual PostedJob take(Json posted) const = 0;
  // Laid over a stored document to give it another mark.
  virtual JsonMembers mark_members(bool active) const = 0;

  // ---- documents ----
  // Laid over the stored document of a job.
  virtual JsonMembers job_members(const JobFacts& facts) const = 0;
  // The document of a new execution, from the resolved one of its job.
  virtual Json execution_document(Json resolved, const ExecutionFacts& facts, const BirthFacts& creation) const = 0;
  // Why an execution ended, in the words that its clients match on; the given one is in ours (core/model/end_reason.h).
  virtual std::string shown_reason(const ExecutionId& ex_id, const std::string& reason) const = 0;
  // Laid over the stored document of an execution.
  virtual JsonMembers execution_members(const ExecutionFacts& facts) const = 0;
  // The directories of an execution: a data directory may have moved since its document was written.
  virtual JsonMembers place_members(const std::string& log_directory, const std::string& ledger_directory) const = 0;
  // The job's latest execution within the document of the job.
  virtual std::string_view execution_member() const = 0;
  // Members of an execution's document that do not belong to its configuration.
  virtual std::span<const std::string_view> fact_members() const = 0;

  // A record of a failed or quarantined slice (core/ledger/slice_record_json.h); members that are not known stay.
  virtual Json slice_document(Json record) const = 0;
  // The answer to a removal.
  virtual Json removal_document(const ExecutionId& ex_id, const JobId& job_id, WallMs at) const = 0;
  // A bundle. facts: its name, version, id and what it says about itself.
  virtual Json bundle_document(WallMs created, const Json& facts) const = 0;

  // ---- the cluster ----
  virtual Json cluster_info(const ClusterFacts& facts) const = 0;
  virtual Json cluster_state(const ClusterFacts& facts) const = 0;

  // ---- bundles ----
  // What a bundle says about itself. invalid: in the words that clients know.
  virtual Result<AssetManifest> read_manifest(std::string_view text) const = 0;

  // ---- lists ----
  // The members that lists are filtered and sorted by.
  virtual std::span<const query::Field> job_fields() const = 0;
  virtual std::span<const query::Field> execution_fields() const = 0;
  // Of a job's or an execution's document.
  virtual SearchTexts search_texts(const Json& document) const = 0;
};

}  // namespace slicemill
