#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/default_dialect.h"
#include "core/runtime/json.h"
#include "operations/describe.h"
#include "operations/operation.h"

namespace slicemill::cli {
namespace {

constexpr int kIndent = 2;

Result<std::string> as_json(const std::string& name) {
  if (name.empty()) return to_pretty_text(dialect::operations_json(builtin_operations()), kIndent) + "\n";
  ASSIGN_OR_RETURN(const OperationSchema* schema, find_operation(builtin_operations(), name));
  return to_pretty_text(dialect::operation_schema(*schema), kIndent) + "\n";
}

Result<std::string> as_text(const std::string& name) {
  if (name.empty()) return slicemill::describe_operations(builtin_operations());
  return describe_operation(builtin_operations(), name);
}

}  // namespace

ExitCode print_operations(const CommandLine& line) {
  const auto text = line.json ? as_json(line.operation) : as_text(line.operation);
  if (!text) return report(text.error());
  fmt::print("{}", *text);
  return ExitCode::ok;
}

ExitCode print_job_schema(const CommandLine&) {
  fmt::print("{}\n", to_pretty_text(dialect::job_json_schema(builtin_operations()), kIndent));
  return ExitCode::ok;
}

}  // namespace slicemill::cli
