// Where a job has parameters: `${NAME}` and `${NAME:-default}` in its texts. Pure, any thread.
//
// text := (any | "$${" | "${" NAME [":-" default] "}")*      NAME := [A-Za-z_][A-Za-z0-9_]*
// Values are put into texts of the parsed document, so no value changes what a job consists of. A value comes from what
// was given for this execution, then from what was given to the one that is recovered, then from the job's `params`,
// then from the default in the text, which also stands for an empty value. `$${` stands for `${`.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "core/model/job_params.h"
#include "core/model/job_warning.h"
#include "core/model/operation_schema.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

struct ResolvedParams {
  Json job;  // without `params`
  Json values = Json::object();
  Json given = Json::object();  // those that were given, now or earlier
  std::vector<ValidationIssue> issues;
  std::vector<JobWarning> warnings;
  // Places of texts that hold a parameter without a value; only if that is allowed.
  std::vector<std::vector<std::string>> unset;
};

// Nothing: the job has nothing to do with parameters, and is as it was posted. A job that is no object is.
std::optional<ResolvedParams> resolve_params(const Json& posted, const OperationCatalog& catalog,
                                             const ParamRules& rules);

// Writes every text in a value so that nothing in it is a parameter.
void escape_params(Json& value);

// The job with every text as it is: it is read again, and nothing in it is a parameter then.
Json without_params(const Json& resolved);

}  // namespace slicemill::api::teraslice
