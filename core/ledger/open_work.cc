#include "core/ledger/open_work.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

namespace slicemill {
namespace {

bool is_whole(const SliceKey& key) {
  return key.path == SliceKey::kWholeSlice;
}

Error broken_promise(const SeriesKey& series, std::uint64_t order, std::string_view what) {
  return Error(ErrorCode::internal, fmt::format("slice {}/{}/{}: {}", series.generation, series.slicer, order, what));
}

}  // namespace

OpenWork::Series& OpenWork::series_for(SeriesKey key) {
  if (recent_.second == nullptr || recent_.first != key) recent_ = {key, &series_[key]};
  return *recent_.second;
}

const OpenWork::Series* OpenWork::find_series(SeriesKey key) const {
  const auto found = series_.find(key);
  return found == series_.end() ? nullptr : &found->second;
}

void OpenWork::mark_changed(SeriesKey key, Series& series) {
  if (!std::exchange(series.changed, true)) changed_.push_back(key);
}

bool OpenWork::restore_settled(SeriesKey series, IntervalSet::Interval interval) {
  return series_for(series).settled.restore(interval);
}

void OpenWork::restore_left(const SliceKey& key) {
  if (is_whole(key)) series_for(series_of(key)).left.insert(key.order);
}

void OpenWork::restore_recommitted(const SliceKey& key) {
  recommitted_.insert(key);
}

Result<void> OpenWork::created(const RunSpan& span) {
  if (span.count == 0 || span.last() < span.first)
    return broken_promise(span.series, span.first, "created in a run without slices");
  Series& series = series_for(span.series);
  const auto above = series.runs.upper_bound(span.last());
  if (above != series.runs.begin()) {
    const auto& [first, run] = *std::prev(above);
    if (first + run.count > span.first) return broken_promise(span.series, span.first, "created twice");
  }
  const std::uint64_t open = open_in(series, span);
  if (open == 0) {
    ended_runs_.push_back(span);
    return {};
  }
  series.runs.emplace_hint(above, span.first, Run{span.count, open});
  pending_ += open;
  return {};
}

std::uint64_t OpenWork::open_in(const Series& series, const RunSpan& span) const {
  const auto left_from = series.left.lower_bound(span.first);
  const auto left_to = series.left.upper_bound(span.last());
  return span.count - series.settled.count(span.first, span.last()) -
         static_cast<std::uint64_t>(std::distance(left_from, left_to));
}

void OpenWork::commit(const SliceKey& key) {
  if (settled_until(key) && recommitted_.insert(key).second) recommitted_changed_.insert(key);
}

void OpenWork::settle(const SliceKey& key) {
  if (!recommitted_.empty() && recommitted_.erase(key) != 0) recommitted_changed_.insert(key);
  if (!is_whole(key)) return;
  Series& series = series_for(series_of(key));
  if (!series.settled.add(key.order)) return;
  mark_changed(series_of(key), series);
  if (series.left.erase(key.order) == 0) close(series_of(key), series, key.order);
}

void OpenWork::settle(SeriesKey key, std::uint64_t first, std::uint64_t last) {
  Series& series = series_for(key);
  const auto left = series.left.lower_bound(first);
  const bool plain =
      recommitted_.empty() && (left == series.left.end() || *left > last) && series.settled.count(first, last) == 0;
  if (!plain) {
    for (std::uint64_t order = first; order <= last; ++order) settle(SliceKey{key.generation, key.slicer, order});
    return;
  }
  series.settled.add(first, last);
  mark_changed(key, series);
  while (first <= last) {
    const auto above = series.runs.upper_bound(first);
    std::uint64_t end = above == series.runs.end() ? last + 1 : std::min(last + 1, above->first);
    if (above != series.runs.begin()) {
      const auto run = std::prev(above);
      if (first - run->first < run->second.count) end = std::min(end, run->first + run->second.count);
    }
    close(key, series, first, end - first);
    first = end;
  }
}

void OpenWork::leave(const SliceKey& key) {
  if (!is_whole(key)) return;
  Series& series = series_for(series_of(key));
  if (series.settled.contains(key.order)) return;
  if (series.left.insert(key.order).second) close(series_of(key), series, key.order);
}

Result<void> OpenWork::forget(const SliceKey& key) {
  if (!is_whole(key)) return {};
  if (series_for(series_of(key)).left.contains(key.order)) {
    return broken_promise(series_of(key), key.order, "its row is erased though it is not settled");
  }
  return {};
}

void OpenWork::close(SeriesKey key, Series& series, std::uint64_t order, std::uint64_t count) {
  const auto above = series.runs.upper_bound(order);
  if (above == series.runs.begin()) return;  // no open run holds it: settled without a creation
  const auto run = std::prev(above);
  if (order - run->first >= run->second.count) return;
  pending_ -= count;
  run->second.open -= count;
  if (run->second.open > 0) return;
  ended_runs_.push_back({key, run->first, run->second.count});
  series.runs.erase(run);
}

bool OpenWork::may_have_row(const SliceKey& key) const {
  if (!is_whole(key)) return true;
  const Series* series = find_series(series_of(key));
  return series != nullptr && (series->settled.contains(key.order) || series->left.contains(key.order));
}

std::optional<std::uint64_t> OpenWork::settled_until(const SliceKey& key) const {
  const Series* series = find_series(series_of(key));
  if (series == nullptr) return std::nullopt;
  const auto interval = series->settled.holding(key.order);
  if (!interval) return std::nullopt;
  return interval->last;
}

std::vector<IntervalSet::Interval> OpenWork::open_orders(const RunSpan& span) const {
  const Series* series = find_series(span.series);
  if (series == nullptr) return {{span.first, span.last()}};
  std::vector<IntervalSet::Interval> result;
  for (IntervalSet::Interval gap : series->settled.gaps(span.first, span.last())) {
    for (auto left = series->left.lower_bound(gap.first); left != series->left.end() && *left <= gap.last; ++left) {
      if (*left > gap.first) result.push_back({gap.first, *left - 1});
      gap.first = *left + 1;
    }
    if (gap.first <= gap.last) result.push_back(gap);
  }
  return result;
}

OpenWork::Changes OpenWork::take_changes() {
  Changes changes;
  for (const SeriesKey& key : changed_) {
    Series& series = series_[key];
    series.changed = false;
    changes.series.push_back({key, series.settled.take_changes()});
  }
  changed_.clear();
  for (const SliceKey& key : recommitted_changed_) {
    (recommitted_.contains(key) ? changes.recommitted_put : changes.recommitted_erase).push_back(key);
  }
  recommitted_changed_.clear();
  changes.ended_runs = std::exchange(ended_runs_, {});
  return changes;
}

}  // namespace slicemill
