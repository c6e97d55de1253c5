#include "cli/commands/client_commands.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/client/master_address.h"
#include "cli/client/stored_executions.h"
#include "cli/commands.h"
#include "cli/default_dialect.h"
#include "cli/ended_ledger.h"
#include "cli/job_file.h"
#include "core/runtime/printable.h"
#include "operations/operation.h"

namespace slicemill::cli {

Result<NamedExecution> named_execution(const CommandLine& line) {
  ASSIGN_OR_RETURN(MasterClient master, MasterClient::of(line));
  ASSIGN_OR_RETURN(std::string ex_id, resolve_execution(master, line.ex_id));
  return NamedExecution{std::move(master), std::move(ex_id)};
}

bool asks_data_directory(const CommandLine& line) {
  return line.flags.contains("data");
}

Result<StoredName> stored_name(const CommandLine& line) {
  ASSIGN_OR_RETURN(DataLayout layout, data_layout(line));
  ASSIGN_OR_RETURN(std::string ex_id, stored_execution_id(layout, line.ex_id));
  return StoredName{std::move(layout), std::move(ex_id)};
}

Result<CommandLine> with_names(const CommandLine& line) {
  CommandLine out = line;
  std::optional<std::string> url;
  // A job that is given to `quarantine --redrive`, and `run`, need no master.
  if (line.job_file.empty() && line.resume_ex_id.empty()) {
    ASSIGN_OR_RETURN(url, named_master(line));
  }
  if (url) {
    out.master_url = *url;
    ASSIGN_OR_RETURN(const MasterClient master, MasterClient::of(line));
    ASSIGN_OR_RETURN(out.ex_id, resolve_execution(master, line.ex_id));
    return out;
  }
  ASSIGN_OR_RETURN(const DataLayout layout, data_layout(line));
  std::string& name = line.resume_ex_id.empty() ? out.ex_id : out.resume_ex_id;
  if (is_whole_id(name)) return out;  // whoever looks for its ledger says what is missing
  ASSIGN_OR_RETURN(name, stored_execution_id(layout, name));
  return out;
}

ExitCode code_of(const Result<void>& done) {
  return done ? ExitCode::ok : report(done.error());
}

ExitCode code_of(const Result<ExitCode>& done) {
  return done ? *done : report(done.error());
}

bool MasterLoss::may_pass(const Error& error) {
  constexpr std::chrono::seconds kMasterPatience{60};
  if (error.code != ErrorCode::unavailable && error.code != ErrorCode::timeout) return false;
  const auto now = std::chrono::steady_clock::now();
  if (!since_) {
    since_ = now;
    note(error.message + "; waiting for it");
  }
  return now - *since_ <= kMasterPatience;
}

Result<Json> job_to_post(const std::string& path, const Json& given, bool starts) {
  ASSIGN_OR_RETURN(JobFile file, read_job_file(path));
  if (const auto added = dialect::add_params(file.job, builtin_operations(), given, starts); !added)
    return with_context(added.error(), path);
  for (const JobWarning& warning : warnings_of(file.notes)) report_warning(path + ": " + to_text(warning));
  ASSIGN_OR_RETURN(const std::string directory, working_directory());
  dialect::make_paths_absolute(file.job, builtin_operations(), directory);
  return std::move(file.job);
}

Error with_way_out(const NamedExecution& execution, Error error) {
  if (error.code != ErrorCode::conflict) return error;
  const auto document = execution.master.get(execution.path());
  if (!document) return error;
  const auto latest = execution.master.get("/v1/jobs/" + url_encoded(text_of(*document, "job_id")) + "/ex");
  const Json& live = has_ended(*document) && latest ? *latest : *document;
  if (has_ended(live)) return error;
  error.message = fmt::format(
      "execution {0} of this job is {1}; wait for its end with `slicemill wait {0}{2}`, or end it with "
      "`slicemill stop {0}{2}`",
      text_of(live, "ex_id"), text_of(live, member::kStatus), execution.master.place());
  return error;
}

void note(const std::string& text) {
  std::fprintf(stderr, "slicemill: %s\n", printable(text).c_str());
}

namespace {

// A document has the number of workers that its job names; what was asked for since is seen in their processes.
void add_worker_count(const Json& cluster, Json& execution) {
  std::int64_t count = 0;
  for (const Json& node : cluster) {
    if (!node.is_object()) continue;
    const auto active = node.find("active");
    if (active == node.end() || !active->is_array()) continue;
    count += std::ranges::count_if(*active, [&](const Json& process) {
      return text_of(process, "assignment") == "worker" && text_of(process, "ex_id") == text_of(execution, "ex_id");
    });
  }
  if (count > 0) execution["workers"] = count;
}

}  // namespace

Result<void> add_live_figures(const MasterClient& master, std::vector<Json>& executions) {
  if (std::ranges::all_of(executions, has_ended)) return {};
  ASSIGN_OR_RETURN(const auto controllers, master.list("/v1/cluster/controllers"));
  ASSIGN_OR_RETURN(const Json cluster, master.get("/v1/cluster/state"));
  for (Json& execution : executions) {
    if (has_ended(execution)) continue;
    for (const Json& controller : controllers) {
      if (text_of(controller, "ex_id") == text_of(execution, "ex_id")) execution[member::kStats] = controller;
    }
    add_worker_count(cluster, execution);
  }
  return {};
}

}  // namespace slicemill::cli
