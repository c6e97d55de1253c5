#include "core/runtime/interval_set.h"

#include <algorithm>
#include <iterator>

namespace slicemill {
namespace {

// Whether an interval that ends at `last` holds `member` or touches it from below. Requires that it does not begin
// above it.
bool reaches(std::uint64_t last, std::uint64_t member) {
  return last >= member || last + 1 == member;
}

}  // namespace

std::uint64_t IntervalSet::add(std::uint64_t first, std::uint64_t last) {
  auto next = intervals_.upper_bound(first);
  std::uint64_t present = 0;
  Map::iterator home;
  if (next != intervals_.begin() && reaches(std::prev(next)->second.last, first)) {
    home = std::prev(next);
    const std::uint64_t home_last = home->second.last;
    if (home_last >= last) return 0;
    if (home_last >= first) present = home_last - first + 1;
  } else {
    home = intervals_.emplace_hint(next, first, Entry{});
  }
  std::uint64_t merged_last = last;
  while (next != intervals_.end() && reaches(last, next->first)) {
    const std::uint64_t next_last = next->second.last;
    if (next->first <= last) present += std::min(next_last, last) - next->first + 1;
    merged_last = std::max(merged_last, next_last);
    if (next->second.stored_last) absorbed_.push_back(next->first);
    next = intervals_.erase(next);
  }
  home->second.last = merged_last;
  if (changed_.empty() || changed_.back() != home->first) changed_.push_back(home->first);
  return last - first + 1 - present;
}

bool IntervalSet::restore(Interval interval) {
  if (interval.first > interval.last) return false;
  if (!intervals_.empty()) {
    const auto& [highest_first, highest] = *intervals_.rbegin();
    if (interval.first <= highest_first || reaches(highest.last, interval.first)) return false;
  }
  intervals_.emplace_hint(intervals_.end(), interval.first, Entry{interval.last, interval.last});
  return true;
}

IntervalSet::Map::const_iterator IntervalSet::at_or_before(std::uint64_t member) const {
  const auto above = intervals_.upper_bound(member);
  return above == intervals_.begin() ? intervals_.end() : std::prev(above);
}

std::optional<IntervalSet::Interval> IntervalSet::holding(std::uint64_t member) const {
  const auto found = at_or_before(member);
  if (found == intervals_.end() || found->second.last < member) return std::nullopt;
  return Interval{found->first, found->second.last};
}

std::vector<IntervalSet::Interval> IntervalSet::gaps(std::uint64_t first, std::uint64_t last) const {
  std::vector<Interval> result;
  std::uint64_t from = first;  // all below is either in the set or in the result
  auto found = at_or_before(first);
  if (found == intervals_.end()) found = intervals_.begin();
  for (; found != intervals_.end() && found->first <= last; ++found) {
    if (found->second.last < from) continue;
    if (found->first > from) result.push_back({from, found->first - 1});
    if (found->second.last >= last) return result;
    from = found->second.last + 1;
  }
  if (from <= last) result.push_back({from, last});
  return result;
}

std::uint64_t IntervalSet::count(std::uint64_t first, std::uint64_t last) const {
  std::uint64_t missing = 0;
  for (const Interval& gap : gaps(first, last)) missing += gap.last - gap.first + 1;
  return last - first + 1 - missing;
}

std::vector<IntervalSet::Interval> IntervalSet::intervals() const {
  std::vector<Interval> result;
  result.reserve(intervals_.size());
  for (const auto& [first, entry] : intervals_) result.push_back({first, entry.last});
  return result;
}

IntervalSet::Changes IntervalSet::take_changes() {
  Changes changes;
  for (const std::uint64_t first : changed_) {
    const auto found = intervals_.find(first);
    if (found == intervals_.end() || found->second.stored_last == found->second.last) continue;
    found->second.stored_last = found->second.last;
    changes.put.push_back({first, found->second.last});
  }
  changed_.clear();
  changes.erase = std::move(absorbed_);
  absorbed_.clear();
  return changes;
}

}  // namespace slicemill
