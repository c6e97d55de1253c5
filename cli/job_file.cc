#include "cli/job_file.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "cli/exit_codes.h"
#include "core/runtime/files.h"
#include "operations/operation.h"

namespace slicemill::cli {

Result<Json> read_job_file(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_whole_file(posix_files(), path));
  auto job = parse_json_or_yaml(text);
  if (!job) return with_context(job.error(), path);
  if (!job->is_object()) return Error(ErrorCode::invalid, path + ": a job is an object with `operations`");
  return job;
}

Result<std::string> working_directory() {
  std::error_code failed;
  const auto path = std::filesystem::current_path(failed);
  if (failed) return Error(ErrorCode::io, "the working directory is gone: " + failed.message());
  return path.string();
}

Result<ValidatedJob> resolve_job_file(const std::string& path, const AssetCatalog& assets) {
  ASSIGN_OR_RETURN(const Json posted, read_job_file(path));
  ASSIGN_OR_RETURN(const std::string base, working_directory());
  auto job =
      validate_job(posted, builtin_operations(), {.paths = {.allow_relative = true, .base = base}, .assets = &assets});
  if (!job) return with_context(job.error(), path);
  return job;
}

Result<Json> read_resolved_job(const std::string& path, const AssetCatalog& assets) {
  ASSIGN_OR_RETURN(ValidatedJob job, resolve_job_file(path, assets));
  for (const JobWarning& warning : job.warnings) report_warning(path + ": " + to_text(warning));
  return std::move(job.config);
}

}  // namespace slicemill::cli
