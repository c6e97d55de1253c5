// A job: what a user posts. Stored raw as posted; an execution holds the resolved form (defaults filled, values
// coerced).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/asset_bundle.h"
#include "core/model/job_params.h"
#include "core/model/operation_schema.h"
#include "core/runtime/clock.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// Where the bundles come from that a job names in `assets`.
class AssetCatalog {
 public:
  virtual ~AssetCatalog() = default;
  // By id, "name", "name:1.2.3", "name:<range>" or "name:latest"; the error says what there is instead.
  virtual Result<AssetBundle> resolve(std::string_view reference) const = 0;
};

struct ValidatedJob {
  Json config;  // resolved: what an execution document carries
  std::vector<JobWarning> warnings;
};

// What a job is judged by, beside the catalog of operations.
struct JobRules {
  PathRule paths{};
  const AssetCatalog* assets = nullptr;  // null: references to bundles stay as they are
  // Of who runs the job: "" if it can limit the processors of workers, otherwise why it cannot. Nothing: the job is not
  // for such a one.
  std::optional<std::string> no_cpu_limit{};
  bool issues_as_json = false;  // issues as the list of JSON objects that clients of the first dialect show
  ParamRules params{};
  WallMs now = 0;       // what relative dates count from; 0: this moment
  std::string lineage;  // the first execution of the lineage, which {ex_id} in output paths names; "": not known yet
};

// What relative dates of an execution count from, as its document says; 0: it has none.
WallMs moment_of(const Json& execution);
// The parameters that were given to an execution, by its document.
Json given_params(const Json& execution);

// Validates top-level fields (reference: name, lifecycle, workers, slicers, ...) and each operation against the
// catalog. The error lists every issue; its wording is what clients of the first dialect match on
// ("Validation failed for job config: <name> - ...", "Unable to find module for operation: X").
//
// References are resolved: `assets` holds ids, `asset_bundles` says where they are, "op@asset:version" is "op@<id>",
// options of apis stand in the operations that name them, "asset:<bundle>/<file>" in a path option is a path.
//
// Output paths are filled in (output_path.h). Parameters are resolved (job_params.h): `params` holds the values that
// came to be used, `params_given` those that were given for the execution. Relative dates are moments (job_dates.h),
// and `now` says what they count from.
Result<ValidatedJob> validate_job(const Json& posted, const OperationCatalog& catalog, const JobRules& rules);

// Most memory of a worker of this resolved job, in bytes; 0: no limit.
std::int64_t worker_memory_limit(const Json& config);
// Most processors of a worker of this resolved job; 0: no limit.
double worker_cpu_limit(const Json& config);

// The name part of `_op`: "name", "name@asset" and "name@asset:version" all give "name".
std::string_view operation_name(std::string_view op);

// The options specs of the top level, for `slicemill ops`-like listings and docs.
const std::vector<OptionSpec>& job_options();

}  // namespace slicemill
