// How long the ledgers and logs of `slicemill run` stay in the data directory: as its `retention_*` settings say.
#pragma once

#include <string>

#include "core/model/launch.h"
#include "core/runtime/config.h"

namespace slicemill::cli {

// Removes ended runs beyond the limits, oldest first, with what they staged and never published. Never: `present`, an
// execution of a master, one that can still be resumed, one whose ledger is in use, and one that went on from another
// that stays (that one would do its work again). What cannot be removed is a warning.
void remove_old_runs(const DataLayout& layout, const Settings& settings, const std::string& present);

}  // namespace slicemill::cli
