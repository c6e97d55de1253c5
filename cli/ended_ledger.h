// Where the client verbs find the ledger of an execution that has ended. Blocks; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "core/ledger/slice_ledger.h"
#include "core/model/launch.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// Of the command line's --data, the environment, or the configuration file.
Result<DataLayout> data_layout(const CommandLine& line);
// A ledger, open for reading, and where it is.
struct EndedLedger {
  std::string directory;
  std::unique_ptr<LedgerView> view;
};

// In the data directory. not_found, naming the place; gone: it was there once.
Result<EndedLedger> stored_ledger(const CommandLine& line);
// The master is asked where it is. conflict while the execution lives; its controller may take a moment to leave.
Result<EndedLedger> ended_ledger_of_master(const CommandLine& line);
// Why there is no ledger of this execution. gone, if it ran here: then its log tells.
Error no_ledger(const DataLayout& layout, const std::string& ex_id);

// The ledgers of those that go on from an execution, oldest first.
Result<std::vector<std::string>> ledgers_after(const std::string& ledgers, const std::string& ex_id);

// Of an execution and all that descend from it by recoveries and redrives: the one whose ledger knows most, since each
// goes on with what the one before knew.
struct NewestLedger {
  std::string ex_id;
  std::optional<Error> unknown;  // a ledger that could not be looked at: whether it descends too is not known
};
// ledgers: the directory that holds them. One that is in use may be about to be left: for those it waits a few seconds.
Result<NewestLedger> newest_ledger(const std::string& ledgers, const std::string& ex_id);

}  // namespace slicemill::cli
