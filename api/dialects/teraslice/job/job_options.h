// The fields of a job beside its operations: what they are, and the rules that a type cannot say. Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "core/model/connections.h"
#include "core/model/operation_schema.h"
#include "core/runtime/json.h"

namespace slicemill::api::teraslice {

inline constexpr const char* kMemoryLimit = "resources_limits_memory";
inline constexpr const char* kOldMemoryLimit = "memory";
inline constexpr const char* kCpuLimit = "resources_limits_cpu";
inline constexpr const char* kOldCpuLimit = "cpu";

// Judges `config`, whose fields have their types already, and fills in what nested values leave out.
void check_job_options(Json& config, std::vector<ValidationIssue>& issues);

// What no process can be given among `env_vars`, the first of them; "" if all is well. An empty name is judged above.
std::string wrong_variables(const Json& config);

// `_encoding` and `_dead_letter_action` of an operation or an api.
void check_encoding(const Json& given, std::vector<std::string> path, std::vector<ValidationIssue>& issues);
void check_dead_letter_action(const Json& given, std::vector<std::string> path, std::vector<ValidationIssue>& issues);

// `_connection` of an operation or an api (where it is also called `connection`): one that is configured, and of the
// type that the operation works with. "default" may stand where no connection is needed.
void check_connection(const Json& holder, const char* field, const OperationSchema& schema,
                      const ConnectionTypes& connections, const std::vector<std::string>& place,
                      std::vector<ValidationIssue>& issues);

}  // namespace slicemill::api::teraslice
