#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/connections.h"
#include "cli/job_file.h"
#include "cli/local_assets.h"
#include "cli/settings.h"
#include "core/formats/file_reading.h"
#include "core/runtime/files.h"
#include "core/runtime/ids.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"
#include "core/tasks/task_tree.h"
#include "slicer/inferred_columns.h"

namespace slicemill::cli {
namespace {

// Where zips are unpacked while a job is judged.
class Scratch {
 public:
  ~Scratch() { (void)posix_files().remove_tree(path); }

  const std::string path = (std::filesystem::temp_directory_path() / ("slicemill-validate-" + random_uuid())).string();
};

// Of a table whose job wants them inferred: what a run would find now.
std::string inferred_types(const OperationSpec& reader) {
  if (reader.name != "file_reader") return "";
  const auto reading = file_reading(reader.options);
  if (!reading || !reading->infers_types()) return "";
  const auto found = preview_inferred_types(posix_files(), *reading);
  return found ? fmt::format("types of columns: {}\n", *found)
               : fmt::format("types of columns: not known before it runs: {}\n", found.error().message);
}

// Each line made printable.
std::string printable_lines(const std::string& text) {
  std::string lines;
  for (const std::string& line : split(text, '\n'))
    if (!line.empty()) lines += printable(line) + "\n";
  return lines;
}

// A line on the job, with the ways of its records, and one per warning.
std::string describe(const ValidatedJob& job) {
  const Plan& plan = job.spec.plan;
  auto text = fmt::format(
      "valid: \"{}\" ({}, {} worker{}):{}{}", printable(job.spec.name), job.spec.persistent ? "persistent" : "once",
      job.spec.workers, job.spec.workers == 1 ? "" : "s", plan.form == Plan::Form::list ? " " : "\n", draw_plan(plan));
  for (const std::size_t source : plan.sources())
    if (const auto tasks = plan.operation(source).options.find("tasks"); tasks != plan.operation(source).options.end())
      if (const auto root = valid_tasks(*tasks)) text += printable_lines(draw_tasks(*root));
  for (const auto& warning : job.warnings) text += fmt::format("warning: {}\n", printable(to_text(warning)));
  return text;
}

Result<std::string> validate(const CommandLine& line) {
  const Scratch scratch;
  ASSIGN_OR_RETURN(const LocalAssets assets, LocalAssets::open(line.assets, scratch.path));
  ASSIGN_OR_RETURN(Json given, set_params(line.set));
  ASSIGN_OR_RETURN(const Settings settings, settings_of(line));
  ASSIGN_OR_RETURN(const ConnectionBook connections, configured_connections(settings));
  ASSIGN_OR_RETURN(
      const ValidatedJob job,
      resolve_job_file(line.job_file, assets, {.given = std::move(given), .connections = connections.types()}));
  std::string text = describe(job);
  for (const std::size_t source : job.spec.plan.sources()) text += inferred_types(job.spec.plan.operation(source));
  return text;
}

}  // namespace

ExitCode validate_job_file(const CommandLine& line) {
  const auto text = validate(line);
  if (!text) return report(text.error());
  fmt::print("{}", *text);
  return ExitCode::ok;
}

}  // namespace slicemill::cli
