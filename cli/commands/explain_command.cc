// `slicemill explain`.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/client/explanation.h"
#include "cli/client/stored_executions.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/shell_words.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::int64_t kErrorsAsked = 1'000;

void print_explanation(const Evidence& evidence) {
  for (const std::string& sentence : explanation(evidence)) fmt::print("{}\n", printable(sentence));
}

Result<void> explain_stored(const CommandLine& line) {
  ASSIGN_OR_RETURN(const StoredName stored, stored_name(line));
  Evidence evidence;
  evidence.execution = stored_execution(stored.layout, stored.ex_id);
  evidence.now = wall_now();
  evidence.place = place_words(line);
  evidence.is_stored = true;
  if (auto errors = stored_errors(stored.layout, stored.ex_id, kErrorsAsked)) evidence.errors = std::move(*errors);
  print_explanation(evidence);
  return {};
}

Result<void> explain_named(const CommandLine& line) {
  ASSIGN_OR_RETURN(const NamedExecution execution, named_execution(line));
  ASSIGN_OR_RETURN(Json document, execution.master.get(execution.path()));
  std::vector<Json> shown = {std::move(document)};
  RETURN_IF_ERROR(add_live_figures(execution.master, shown));
  Evidence evidence;
  evidence.execution = std::move(shown.front());
  evidence.now = wall_now();
  evidence.place = place_words(line);
  // What cannot be had now is left out: the rest still explains something.
  if (auto errors = execution.master.list(execution.path(fmt::format("/errors?size={}", kErrorsAsked))))
    evidence.errors = std::move(*errors);
  if (auto history = execution.master.list(execution.path("/history"))) evidence.history = std::move(*history);
  if (auto cluster = execution.master.get("/v1/cluster/state")) evidence.cluster = std::move(*cluster);
  print_explanation(evidence);
  return {};
}

}  // namespace

ExitCode explain_execution(const CommandLine& line) {
  return code_of(asks_data_directory(line) ? explain_stored(line) : explain_named(line));
}

}  // namespace slicemill::cli
