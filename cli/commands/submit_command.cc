// `slicemill submit`.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/job_file.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

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
  ASSIGN_OR_RETURN(const Json given, set_params(line.set));
  ASSIGN_OR_RETURN(const Json job, job_to_post(line.job_file, given, !options.no_start));
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
