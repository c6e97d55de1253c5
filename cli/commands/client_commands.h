// What the commands that ask a master share. Main thread.
#pragma once

#include <chrono>
#include <string>

#include "cli/client/documents.h"
#include "cli/client/execution_names.h"
#include "cli/client/master_client.h"
#include "cli/command_line.h"
#include "cli/exit_codes.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// The master and the id of the execution that a command names.
struct NamedExecution {
  MasterClient master;
  std::string ex_id;

  std::string path(const std::string& rest = {}) const { return "/v1/ex/" + url_encoded(ex_id) + rest; }
};
Result<NamedExecution> named_execution(const CommandLine& line);

// The code of a command: ok, or what its error is reported with.
ExitCode code_of(const Result<void>& done);
ExitCode code_of(const Result<ExitCode>& done);

// "slicemill: ..." to standard error: what happened, beside the data.
void note(const std::string& text);

// Waits until the execution has ended, with its progress on standard error, and prints how it ended. The code is that
// of its outcome, or timed_out. A master that is gone meanwhile is waited for.
Result<ExitCode> await_end(const NamedExecution& execution, const CommandLine& line);
// What an ended execution's document stands for.
ExitCode outcome_of(const Json& document, bool fail_on_quarantine);
// Whether the document shows an end.
bool has_ended(const Json& document);

// Live executions have their figures from their controllers, put where ended ones have them.
Result<void> add_live_figures(const MasterClient& master, std::vector<Json>& executions);

}  // namespace slicemill::cli
