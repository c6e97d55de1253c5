// Operations and validation results as text for people: the body of `slicemill ops`, `slicemill validate` and
// The fields of a job as a table of Markdown, without those that have no effect here; those as a list of names.
std::string job_fields_markdown();
std::string kept_job_fields_markdown();

// docs/operations.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/model/job.h"
#include "core/model/operation_schema.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// All operations: name, kind, what it does. Ends with a line end, as do all texts here.
std::string describe_operations(const OperationCatalog& catalog);
// One operation and its options as a table. not_found with a suggestion.
Result<std::string> describe_operation(const OperationCatalog& catalog, std::string_view name);

// The same for programs: JSON Schemas, one of them or a list of all.
Json operations_json(const OperationCatalog& catalog);
Result<Json> operation_json(const OperationCatalog& catalog, std::string_view name);

// What `slicemill validate` says of a good job: a line on the job, one per warning.
std::string describe_validation(const ValidatedJob& job);

// The fields of a job as a table of Markdown, without those that have no effect here; those as a list of names.
std::string job_fields_markdown();
std::string kept_job_fields_markdown();

// docs/operations.md.
std::string operations_markdown(const OperationCatalog& catalog);

}  // namespace slicemill
