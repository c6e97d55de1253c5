// `slicemill explain`.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/client/explanation.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr const char* kErrorsAsked = "/errors?size=1000";

Result<void> explain_named(const CommandLine& line) {
  ASSIGN_OR_RETURN(const NamedExecution execution, named_execution(line));
  ASSIGN_OR_RETURN(Json document, execution.master.get(execution.path()));
  std::vector<Json> shown = {std::move(document)};
  RETURN_IF_ERROR(add_live_figures(execution.master, shown));
  Evidence evidence;
  evidence.execution = std::move(shown.front());
  evidence.now = wall_now();
  // What cannot be had now is left out: the rest still explains something.
  if (auto errors = execution.master.list(execution.path(kErrorsAsked))) evidence.errors = std::move(*errors);
  if (auto history = execution.master.list(execution.path("/history"))) evidence.history = std::move(*history);
  if (auto cluster = execution.master.get("/v1/cluster/state")) evidence.cluster = std::move(*cluster);
  for (const std::string& sentence : explanation(evidence)) fmt::print("{}\n", printable(sentence));
  return {};
}

}  // namespace

ExitCode explain_execution(const CommandLine& line) {
  return code_of(explain_named(line));
}

}  // namespace slicemill::cli
