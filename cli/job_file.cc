#include "cli/job_file.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/runtime/files.h"

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

}  // namespace slicemill::cli
