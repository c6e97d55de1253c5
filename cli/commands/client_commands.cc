#include "cli/commands/client_commands.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/client/master_address.h"
#include "cli/commands.h"
#include "cli/ended_ledger.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {

Result<NamedExecution> named_execution(const CommandLine& line) {
  ASSIGN_OR_RETURN(MasterClient master, MasterClient::of(line));
  ASSIGN_OR_RETURN(std::string ex_id, resolve_execution(master, line.ex_id));
  return NamedExecution{std::move(master), std::move(ex_id)};
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
    ASSIGN_OR_RETURN(const MasterClient master, MasterClient::at(*url));
    ASSIGN_OR_RETURN(out.ex_id, resolve_execution(master, line.ex_id));
    return out;
  }
  ASSIGN_OR_RETURN(const DataLayout layout, data_layout(line));
  std::string& name = line.resume_ex_id.empty() ? out.ex_id : out.resume_ex_id;
  ASSIGN_OR_RETURN(name, resolve_stored_execution(layout.data, name));
  return out;
}

ExitCode code_of(const Result<void>& done) {
  return done ? ExitCode::ok : report(done.error());
}

ExitCode code_of(const Result<ExitCode>& done) {
  return done ? *done : report(done.error());
}

void note(const std::string& text) {
  std::fprintf(stderr, "slicemill: %s\n", printable(text).c_str());
}

Result<void> add_live_figures(const MasterClient& master, std::vector<Json>& executions) {
  if (std::ranges::all_of(executions, has_ended)) return {};
  ASSIGN_OR_RETURN(const auto controllers, master.list("/v1/cluster/controllers"));
  for (Json& execution : executions) {
    if (has_ended(execution)) continue;
    for (const Json& controller : controllers) {
      if (text_of(controller, "ex_id") == text_of(execution, "ex_id")) execution["_slicer_stats"] = controller;
    }
  }
  return {};
}

}  // namespace slicemill::cli
