// Executions of a data directory without a master, as documents like those of a master: what `slicemill run` left, and
// what a master has recorded there. Blocks; main thread.
//
// A ledger has one opener: of an execution at work only its id is known. The words of statuses are those of a master,
// and these two.
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "core/ledger/slice_ledger.h"
#include "core/model/launch.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

inline constexpr const char* kInterrupted = "interrupted";  // no outcome, and no process has its ledger
inline constexpr const char* kUnreadable = "unreadable";    // its reason says why

// Ids of those that have a ledger, latest change first. not_found: there is no such directory.
Result<std::vector<std::string>> stored_ids(const DataLayout& layout);
// All of them, latest change first.
Result<std::vector<Json>> stored_executions(const DataLayout& layout);
Json stored_execution(const DataLayout& layout, const std::string& ex_id);
// Tries of tasks, in the order in which the tasks began.
Result<std::vector<Json>> stored_tries(const DataLayout& layout, const std::string& ex_id, std::int64_t limit);
// Failed slices, the latest first.
Result<std::vector<Json>> stored_errors(const DataLayout& layout, const std::string& ex_id, std::int64_t limit);

// The id that a name stands for (client/execution_names.h). not_found, naming the directory.
Result<std::string> stored_execution_id(const DataLayout& layout, const std::string& name);

}  // namespace slicemill::cli
