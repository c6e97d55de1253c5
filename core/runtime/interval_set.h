// A set of numbers as merged intervals, which remembers how it differs from what was stored last.
//
// Pure; one thread. Adding next to or into an interval extends it; intervals that come to touch are merged. So the size
// follows the gaps, not the members, and a change of any number of members is stored as a few puts and deletes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace slicemill {

class IntervalSet {
 public:
  struct Interval {
    std::uint64_t first = 0;
    std::uint64_t last = 0;  // inclusive
    bool operator==(const Interval&) const = default;
  };

  // Stored form: one entry per interval, named by its first member.
  struct Changes {
    std::vector<Interval> put;         // new intervals, and longer ones under a name that is stored already
    std::vector<std::uint64_t> erase;  // stored names of intervals that were absorbed
    bool empty() const { return put.empty() && erase.empty(); }
  };

  // Adds all of [first, last]. Returns how many of them are new. Requires first <= last.
  std::uint64_t add(std::uint64_t first, std::uint64_t last);
  bool add(std::uint64_t member) { return add(member, member) != 0; }

  // As read from storage, in ascending order: not a change. False if it does not lie clear above all intervals so far.
  bool restore(Interval interval);

  bool contains(std::uint64_t member) const { return holding(member).has_value(); }
  // The interval that holds the member.
  std::optional<Interval> holding(std::uint64_t member) const;
  // How many members lie in [first, last].
  std::uint64_t count(std::uint64_t first, std::uint64_t last) const;
  // The parts of [first, last] that are not in the set, ascending.
  std::vector<Interval> gaps(std::uint64_t first, std::uint64_t last) const;
  std::vector<Interval> intervals() const;
  std::size_t interval_count() const { return intervals_.size(); }

  // What must be written to make storage equal to the set, since the last take.
  Changes take_changes();

 private:
  struct Entry {
    std::uint64_t last = 0;
    std::optional<std::uint64_t> stored_last;  // nothing: not in storage
  };
  using Map = std::map<std::uint64_t, Entry>;  // by first member

  Map::const_iterator at_or_before(std::uint64_t member) const;

  Map intervals_;
  std::vector<std::uint64_t> changed_;  // first members; may repeat, and may have been absorbed since
  std::vector<std::uint64_t> absorbed_;
};

}  // namespace slicemill
