#include "tests/simulation/mutation.h"

#include <algorithm>
#include <array>

namespace slicemill::simulation {

namespace {

constexpr std::array<std::string_view, 16> kMutations = {
    "dispatch_before_sync",      // a slice is handed out before its birth is durable
    "accept_stale_attempt",      // a result counts whoever it comes from
    "forget_lease",              // what a dead worker held is not given to another
    "publish_before_sync",       // an output is published before its commit is durable
    "tell_outcome_before_sync",  // the master hears of the end before the ledger
    "no_roll_forward",           // committed outputs of an earlier controller are left lying
    "forget_wanted",             // a restarted controller does not know that it was paused or stopped
    "count_open_as_done",        // the execution ends while slices wait for another try
    "adopt_late",                // attempts of earlier controllers are adopted at any time
    "position_without_birth",    // the slicer's position is durable, the slices it made are not
    "keep_row_of_replayed",      // a replayed slice that completed stays an error
    "retry_for_ever",            // a slice that kills its workers is never given up
    "publish_twice",             // what failed once to be published is published under another attempt
    "disk.sync_nothing",         // the file system says it synced and did not
    "disk.rename_replaces",      // a final name is given twice
    "drop_recalled",             // slices that a worker gave back are forgotten
};

std::string_view current;

}  // namespace

std::vector<std::string_view> all_mutations() {
  return {kMutations.begin(), kMutations.end()};
}

bool plant(std::string_view mutation) {
  const auto* const found = std::find(kMutations.begin(), kMutations.end(), mutation);
  current = found == kMutations.end() ? "" : *found;
  return mutation.empty() || found != kMutations.end();
}

std::string_view planted() {
  return current;
}

}  // namespace slicemill::simulation
