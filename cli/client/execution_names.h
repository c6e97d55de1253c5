// What a user types for an execution: its id, an unambiguous beginning of it, `last`, or a job file. Main thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/client/master_client.h"
#include "cli/command_line.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// last: the newest execution. A job file: the newest execution of a job with that name. not_found; invalid if several
// executions begin so: the error names some of them.
Result<std::string> resolve_execution(const MasterClient& master, const std::string& name);
// The same among jobs: an id, the beginning of one, or a job file.
Result<std::string> resolve_job(const MasterClient& master, const std::string& name);

// The name in a job file. invalid: it has none, so that its executions cannot be told from others.
Result<std::string> job_name(const std::string& path);
// An existing file, or a text that can only mean one.
bool names_job_file(const std::string& name);
// Whether it is as long as an id, so that it begins no other one.
bool is_whole_id(const std::string& name);
// Whether every character may stand in an id.
bool may_begin_id(const std::string& name);
// The one that begins so. `what`: "execution", "job".
Result<std::string> only_match(const std::string& beginning, std::span<const std::string> ids, const char* what);

}  // namespace slicemill::cli
