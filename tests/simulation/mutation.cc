#include "tests/simulation/mutation.h"

#include <algorithm>
#include <array>

namespace slicemill::simulation {

namespace {

constexpr std::array<std::string_view, 29> kMutations = {
    "dispatch_before_sync",       // a slice is handed out before its creation is durable
    "position_without_creation",  // the slicer's position is durable, the slices it made are not
    "accept_stale_attempt",       // a result counts whoever it comes from
    "reuse_attempt",              // every try of a slice bears the same number
    "adopt_late",                 // attempts of earlier controllers are adopted at any time
    "settle_both_attempts",       // of a slice that ran twice, both results count
    "forget_promoted",            // a second attempt is forgotten when the first one is lost
    "forget_lease",               // what a dead worker held is not given to another
    "drop_recalled",              // slices that a worker gave back are forgotten
    "publish_before_sync",        // an output is published before its commit is durable
    "settle_before_publish",      // a slice is done before its output is visible
    "publish_at_one_sink",        // of several sinks only the first one gets a slice's output
    "cut_one_source",             // of several sources only the first one is cut, by every slicer
    "births_without_settlement",  // what follows from a completion is durable before the completion is
    "settlement_without_births",  // a completion is durable before what follows from it
    "tell_twice",                 // a slicer is told of a completion twice
    "forget_replayed",            // a slicer is not told of completions of slices that earlier executions made
    "poll_for_completions",       // a slicer that waits for completions is asked again and again
    "settle_beyond_span",         // one slice more than the span that came back is done
    "join_before_sync",           // a joined file gets its name before that is durable
    "no_roll_forward",            // committed outputs of an earlier controller are left lying
    "keep_row_of_replayed",       // a replayed slice that completed stays an error
    "forget_tries",               // a failed try of a slice is not durable
    "forget_waiting",             // the execution ends while slices wait for another try
    "tell_once",                  // what a worker did not hear is not told again
    "forget_wanted",              // a restarted controller does not know that it was paused or stopped
    "tell_outcome_before_sync",   // the master hears of the end before the ledger
    "disk.sync_nothing",          // the file system says that it synced, and did not
    "disk.rename_replaces",       // a file that is there is replaced
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
