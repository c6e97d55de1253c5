// Jobs of this dialect as text for people and programs: the fields of a job, the options of its operations. Pure, any
// thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/model/job_dialect.h"
#include "core/model/operation_schema.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

// JSON Schema (2020-12) of an operation as it stands in a job; of all.
Json operation_schema(const OperationSchema& schema);
Json operations_json(const OperationCatalog& catalog);

// The fields of a job that have an effect here, and the others.
std::vector<const OptionSpec*> effective_fields();
std::string kept_fields();  // "`a`, `b`"

// What stands before the tables of docs/operations.md.
std::string_view operations_introduction();

}  // namespace slicemill::api::teraslice
