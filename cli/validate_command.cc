#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/job_file.h"
#include "core/model/job.h"
#include "core/runtime/text.h"
#include "operations/operation.h"

namespace slicemill::cli {
namespace {

Result<void> validate(const std::string& path) {
  ASSIGN_OR_RETURN(const Json posted, read_job_file(path));
  ASSIGN_OR_RETURN(const std::string base, working_directory());
  const auto job = validate_job(posted, builtin_operations(), {.allow_relative = true, .base = base});
  if (!job) return with_context(job.error(), path);
  for (const std::string& warning : job->warnings) report_warning(path + ": " + warning);
  std::vector<std::string> names;
  for (const Json& operation : job->config.at("operations")) names.push_back(operation.at("_op").get<std::string>());
  fmt::print("{}: valid: {}\n", path, join(names, " -> "));
  return {};
}

}  // namespace

ExitCode validate_job_file(const CommandLine& line) {
  const auto valid = validate(line.job_file);
  return valid ? ExitCode::ok : report(valid.error());
}

}  // namespace slicemill::cli
