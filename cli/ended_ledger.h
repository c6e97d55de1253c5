// Where the client verbs find the ledger of an execution that has ended. Blocks; any thread.
#pragma once

#include <memory>

#include "cli/command_line.h"
#include "core/ledger/slice_ledger.h"
#include "core/model/launch.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// Of the command line's --data, the environment, or the configuration file.
Result<DataLayout> data_layout(const CommandLine& line);
// In the data directory. not_found, naming the place.
Result<std::unique_ptr<LedgerView>> stored_ledger(const CommandLine& line);
// The master is asked where it is. conflict while the execution lives; its controller may take a moment to leave.
Result<std::unique_ptr<LedgerView>> ended_ledger_of_master(const CommandLine& line);

}  // namespace slicemill::cli
