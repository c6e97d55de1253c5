// `slicemill submit`.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/job_file.h"
#include "core/model/job.h"
#include "core/model/job_references.h"
#include "core/runtime/printable.h"
#include "operations/operation.h"

namespace slicemill::cli {
namespace {

// Paths that start at the working directory, which a master does not know. Everything else stays as it was written.
void make_paths_absolute(Json& job, const std::string& directory) {
  const auto absolute = [&](Json& path) {
    if (!path.is_string()) return;
    std::string_view text = path.get_ref<const std::string&>();
    if (text.empty() || text == "-" || text.starts_with('/') || text.starts_with("asset:")) return;
    if (text.starts_with("${")) return;  // where that leads is known once it has a value
    while (text.starts_with("./")) text.remove_prefix(2);
    path = directory + (directory.ends_with('/') ? "" : "/") + std::string(text);
  };
  const auto in_options = [&](Json& holder, const char* name_member, std::string_view suffix) {
    std::string name = text_of(holder, name_member);
    name.resize(std::min(name.find_first_of("@:"), name.size()));
    if (!suffix.empty() && name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    const OperationSchema* schema = builtin_operations().find(name);
    if (schema == nullptr) return;
    for (const OptionSpec& option : schema->options) {
      const auto value = option.is_path ? holder.find(option.name) : holder.end();
      if (value == holder.end()) continue;
      if (value->is_array()) {
        for (Json& path : *value) absolute(path);
      } else {
        absolute(*value);
      }
    }
  };
  for (const auto& [list, name] : {std::pair("operations", "_op"), std::pair("apis", "_name")}) {
    const auto holders = job.find(list);
    if (holders == job.end() || !holders->is_array()) continue;
    for (Json& holder : *holders) {
      if (holder.is_object()) in_options(holder, name, std::string_view(name) == "_name" ? "_api" : "");
    }
  }
}

// Programs and their arguments in a job file that declares no parameters: `${` in them is theirs.
void keep_code(Json& job) {
  const auto operations = job.find("operations");
  if (operations == job.end() || !operations->is_array()) return;
  for (Json& operation : *operations) {
    if (!operation.is_object()) continue;
    const OperationSchema* schema = builtin_operations().find(operation_name(text_of(operation, "_op")));
    if (schema == nullptr) continue;
    for (const OptionSpec& option : schema->options)
      if (option.is_code && operation.contains(option.name)) escape_params(operation[option.name]);
  }
}

// What a master must know of parameters: that the job has some, as every job file may, and the values that are given
// here.
Result<void> add_params(Json& job, const Json& given, bool is_started) {
  const auto resolved =
      resolve_params(job, builtin_operations(), {.given = given, .of_file = true, .may_be_unset = !is_started});
  if (!resolved) return {};
  if (!resolved->issues.empty()) return Error(ErrorCode::invalid, render_issues(resolved->issues, {}));
  const bool declares = job.contains("params");
  if (!declares && given.empty()) {
    if (resolved->unset.empty() && resolved->job == job) return {};
    keep_code(job);
  }
  Json& params = job["params"];
  if (params.is_null()) params = Json::object();
  for (const auto& [name, value] : given.items()) params[name] = value;
  return {};
}

Result<Json> job_to_post(const CommandLine& line) {
  const std::string& path = line.job_file;
  ASSIGN_OR_RETURN(const Json given, set_params(line.set));
  ASSIGN_OR_RETURN(JobFile file, read_job_file(path));
  if (const auto added = add_params(file.job, given, !line.client.no_start); !added)
    return with_context(added.error(), path);
  for (const JobWarning& warning : warnings_of(file.notes)) report_warning(path + ": " + to_text(warning));
  ASSIGN_OR_RETURN(const std::string directory, working_directory());
  make_paths_absolute(file.job, directory);
  return std::move(file.job);
}

void tell_warnings(const std::string& path, const Json& answer) {
  const auto warnings = answer.find("warnings");
  if (warnings == answer.end() || !warnings->is_array()) return;
  for (const Json& warning : *warnings) {
    const Json& reason = object_of(object_of(warning, "reason"), "reason");
    const std::string field = text_of(reason, "field");
    const std::string description = text_of(reason, "description");
    report_warning(fmt::format("{}: {}", path,
                               description.empty() ? to_compact_text(warning)
                               : field.empty()     ? description
                                                   : field + ": " + description));
  }
}

Result<ExitCode> submit(const CommandLine& line) {
  const ClientOptions& options = line.client;
  ASSIGN_OR_RETURN(MasterClient master, MasterClient::of(line));
  ASSIGN_OR_RETURN(const Json job, job_to_post(line));
  auto posted = master.post(options.no_start ? "/v1/jobs?start=false" : "/v1/jobs", job);
  if (!posted) {
    const bool is_job = posted.error().code == ErrorCode::invalid;
    return is_job ? with_context(posted.error(), line.job_file) : posted.error();
  }
  tell_warnings(line.job_file, *posted);
  const std::string ex_id = text_of(*posted, "ex_id");
  if (is_data_format(options.output) && !options.wait)
    print_document(options.output, *posted);
  else if (!is_data_format(options.output))
    fmt::print("{}\n", printable(options.no_start ? text_of(*posted, "job_id") : ex_id));
  std::fflush(stdout);
  if (!options.wait) return ExitCode::ok;
  return await_end({std::move(master), ex_id}, line);
}

}  // namespace

ExitCode submit_job(const CommandLine& line) {
  return code_of(submit(line));
}

}  // namespace slicemill::cli
