#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/job_file.h"
#include "core/model/job.h"
#include "operations/describe.h"
#include "operations/operation.h"

namespace slicemill::cli {
namespace {

Result<std::string> validate(const std::string& path) {
  ASSIGN_OR_RETURN(const Json posted, read_job_file(path));
  ASSIGN_OR_RETURN(const std::string base, working_directory());
  const auto job = validate_job(posted, builtin_operations(), {.paths = {.allow_relative = true, .base = base}});
  if (!job) return with_context(job.error(), path);
  return describe_validation(*job);
}

}  // namespace

ExitCode validate_job_file(const CommandLine& line) {
  const auto text = validate(line.job_file);
  if (!text) return report(text.error());
  fmt::print("{}", *text);
  return ExitCode::ok;
}

}  // namespace slicemill::cli
