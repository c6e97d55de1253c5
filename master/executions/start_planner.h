// Who gets worker slots next: a pure function, so that every decision can be read and tested as a table.
//
// Rules. A worker uses one slot, a controller none. First, in order of creation, each pending execution is admitted
// with as many slots as it wants and there are; one that gets none waits and never stands in the way of anybody's
// running. Then what is left tops up executions that run with fewer workers than they want, in order of creation.
// Nothing is ever taken away from a running execution.
//
// Thousands may wait and each change asks again, so an entry is a few numbers, and reasons are texts only once they
// change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slicemill::master {

struct PlannerEntry {
  bool admitted = false;   // it has a controller already
  bool held = false;       // must not be admitted now: a predecessor of its job is not gone yet
  bool wants_more = true;  // false: stopping, no further workers
  std::int64_t wanted = 0;
  std::int64_t granted = 0;
};

struct PlannerView {
  std::int64_t slots = 0;
  std::int64_t lingering = 0;         // worker processes of executions that are no longer listed
  std::vector<PlannerEntry> entries;  // live executions in order of creation
};

// Why an execution has not all that it wants.
struct Shortage {
  bool is_held = false;
  std::int64_t slots = 0;  // that it waits for
  bool operator==(const Shortage&) const = default;
};
std::string to_text(const Shortage& shortage);  // "" of none

struct Grant {
  bool admit = false;        // it starts now
  std::int64_t granted = 0;  // slots it holds from now on
  Shortage shortage;
  bool operator==(const Grant&) const = default;
};

// One grant per entry, in the same order.
std::vector<Grant> plan_starts(const PlannerView& view);

}  // namespace slicemill::master
