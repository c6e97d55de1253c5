// What the commands that ask a master share. Main thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/client/documents.h"
#include "cli/client/execution_names.h"
#include "cli/client/master_client.h"
#include "cli/command_line.h"
#include "cli/exit_codes.h"
#include "core/model/launch.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// The master and the id of the execution that a command names.
struct NamedExecution {
  MasterClient master;
  std::string ex_id;

  std::string path(const std::string& rest = {}) const { return "/v1/ex/" + url_encoded(ex_id) + rest; }
};
Result<NamedExecution> named_execution(const CommandLine& line);

// Whether a data directory is meant instead of a master.
bool asks_data_directory(const CommandLine& line);
// One of its executions, that a command names.
struct StoredName {
  DataLayout layout;
  std::string ex_id;
};
Result<StoredName> stored_name(const CommandLine& line);

// The code of a command: ok, or what its error is reported with.
ExitCode code_of(const Result<void>& done);
ExitCode code_of(const Result<ExitCode>& done);

// "slicemill: ..." to standard error: what happened, beside the data.
void note(const std::string& text);

// A master that is gone for a while, as when it is replaced: told once, borne for a minute. Steady time.
class MasterLoss {
 public:
  // The error of a question; whether to ask again. Only unavailable and timeout pass.
  bool may_pass(const Error& error);
  void answered() { since_.reset(); }

 private:
  std::optional<std::chrono::steady_clock::time_point> since_;
};

// A job file as a master takes it: with values of parameters, and with absolute paths. Its notes are told as warnings.
// starts: no parameter may be without a value.
Result<Json> job_to_post(const std::string& path, const Json& given, bool starts);

// What a master refuses because an execution of the job lives, with the way out; any other error as it is.
Error with_way_out(const NamedExecution& execution, Error error);

// Waits until the execution has ended, with its progress on standard error, and prints how it ended. The code is that
// of its outcome, or timed_out. A master that is gone meanwhile is waited for.
Result<ExitCode> await_end(const NamedExecution& execution, const CommandLine& line);
// What an ended execution's document stands for.
ExitCode outcome_of(const Json& document, bool fail_on_quarantine);
// Whether the document shows an end.
bool has_ended(const Json& document);

// Live executions have their figures from their controllers, put where ended ones have them, and as many `workers` as
// they are to have now.
Result<void> add_live_figures(const MasterClient& master, std::vector<Json>& executions);

}  // namespace slicemill::cli
