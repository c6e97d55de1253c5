// Jobs as Teraslice's users post them: what their fields and operations mean, and what is wrong with them. Pure, any
// thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "core/model/job_dialect.h"
#include "core/model/operation_schema.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

inline constexpr const char* kDialectName = "teraslice";

// Validates top-level fields (reference: name, lifecycle, workers, slicers, ...) and each operation against the
// catalog. The error lists every issue; its wording is what clients match on
// ("Validation failed for job config: <name> - ...", "Unable to find module for operation: X").
//
// References are resolved: `assets` holds ids, `asset_bundles` says where they are, "op@asset:version" is "op@<id>",
// options of apis stand in the operations that name them, "asset:<bundle>/<file>" in a path option is a path.
//
// Output paths are filled in (output_path.h). Parameters are resolved (job_params.h): `params` holds the values that
// came to be used, `params_given` those that were given for the execution. Relative dates are moments (job_dates.h),
// and `now` says what they count from.
Result<ValidatedJob> validate_job(const Json& posted, const OperationCatalog& catalog, const JobRules& rules);

// The name part of `_op`: "name", "name@asset" and "name@asset:version" all give "name".
std::string_view operation_name(std::string_view op);

// The fields of a job, for listings, schemas and docs.
const std::vector<OptionSpec>& job_options();

}  // namespace slicemill::api::teraslice
