#include "cli/job_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "cli/client/plain_words.h"
#include "cli/default_dialect.h"
#include "cli/exit_codes.h"
#include "core/runtime/byte_stream.h"
#include "core/runtime/files.h"
#include "operations/operation.h"

namespace slicemill::cli {

namespace {

bool comes_on_standard_input(const std::string& path) {
  return path == "-" || is_standard_input(path);
}

std::string shown_name(const std::string& path) {
  return comes_on_standard_input(path) ? "standard input" : path;
}

bool is_yaml_name(const std::string& path) {
  return path.ends_with(".yaml") || path.ends_with(".yml");
}

// The standard input comes once: it cannot be the job and its data.
Result<void> check_inputs(const std::string& job_path, const JobSpec& job) {
  if (!comes_on_standard_input(job_path)) return {};
  for (std::size_t i = 0; i < job.plan.size(); ++i) {
    const Json path = job.plan.operation(i).options.value("path", Json());
    if (path.is_string() && is_standard_input(path.get_ref<const std::string&>()))
      return Error(ErrorCode::invalid, fmt::format("{}.path: the standard input holds the job already; give the "
                                                   "job as a file, or the data",
                                                   job.plan.node_name(i)));
  }
  return {};
}

}  // namespace

Result<JobFile> read_job_file(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text,
                   comes_on_standard_input(path) ? read_standard_input() : read_whole_file(posix_files(), path));
  JobFile file;
  auto job = parse_json_or_yaml(text, &file.notes);
  // YAML may begin with a bracket too.
  if (!job && is_yaml_name(path))
    if (auto yaml = parse_yaml(text, &file.notes)) job = std::move(yaml);
  const std::string name = shown_name(path);
  if (!job) return with_context(job.error(), name);
  if (job->is_null()) return Error(ErrorCode::invalid, name + ": is empty; a job is an object with `operations`");
  if (!job->is_object()) return Error(ErrorCode::invalid, name + ": a job is an object with `operations`");
  file.job = std::move(*job);
  return file;
}

Result<std::string> working_directory() {
  std::error_code failed;
  const auto path = std::filesystem::current_path(failed);
  if (failed) return Error(ErrorCode::io, "the working directory is gone: " + failed.message());
  return path.string();
}

Result<Json> set_params(const std::vector<std::string>& settings) {
  Json params = Json::object();
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    const std::string name = setting.substr(0, equals);
    if (equals == std::string::npos || !is_param_name(name))
      return Error(ErrorCode::invalid,
                   fmt::format("--set {}: expected NAME=VALUE, with a name of letters, digits and _", setting));
    params[name] = setting.substr(equals + 1);
  }
  return params;
}

Result<ValidatedJob> resolve_job_file(const std::string& path, const AssetCatalog& assets, const JobMoment& moment) {
  ASSIGN_OR_RETURN(const JobFile file, read_job_file(path));
  ASSIGN_OR_RETURN(const std::string base, working_directory());
  auto job = dialect::validate_job(file.job, builtin_operations(),
                                   {.paths = {.allow_relative = true, .base = base},
                                    .assets = &assets,
                                    .params = {.given = moment.given, .earlier = moment.earlier, .of_file = true},
                                    .now = moment.now,
                                    .lineage = moment.lineage,
                                    .connections = moment.connections});
  if (!job) return with_context(in_plain_words(job.error()), shown_name(path));
  if (const auto checked = check_inputs(path, job->spec); !checked)
    return with_context(checked.error(), shown_name(path));
  const auto warnings = warnings_of(file.notes);
  job->warnings.insert(job->warnings.begin(), warnings.begin(), warnings.end());
  return job;
}

Result<ValidatedJob> read_resolved_job(const std::string& path, const AssetCatalog& assets, const JobMoment& moment) {
  ASSIGN_OR_RETURN(ValidatedJob job, resolve_job_file(path, assets, moment));
  for (const JobWarning& warning : job.warnings) report_warning(shown_name(path) + ": " + to_text(warning));
  return job;
}

}  // namespace slicemill::cli
