// From a job file of a user to what a master is sent: it knows neither the user's directory nor that every text of a
// file may hold parameters. Pure, any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/model/operation_schema.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

// Paths that start at the working directory, which a master does not know. Everything else stays as it was written.
void make_paths_absolute(Json& job, const OperationCatalog& catalog, const std::string& directory);

// What a master must know of parameters: that the job has some, as every job file may, and the values that are given.
// invalid: lists what is wrong.
Result<void> add_params(Json& job, const OperationCatalog& catalog, const Json& given, bool is_started);

}  // namespace slicemill::api::teraslice
