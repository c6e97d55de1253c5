#include "execution-controller/dispatch/lease_table.h"

#include <algorithm>

namespace slicemill::controller {
namespace {

std::uint64_t place_in(const SliceSpan& span, const SliceKey& key) {
  return key.order - span.run->key(span.from).order;
}

void sort_by_key(std::vector<ActiveSlice>& slices) {
  std::sort(slices.begin(), slices.end(), [](const ActiveSlice& a, const ActiveSlice& b) { return a.key < b.key; });
}

}  // namespace

void LeaseTable::add(ActiveSlice slice, WorkerNumber worker) {
  const SliceKey key = slice.key;
  singles_.insert_or_assign(key, Single{std::move(slice), worker, ++given_});
  ++size_;
}

void LeaseTable::add(SliceSpan span, const Attempt& attempt, WorkerNumber worker) {
  const SliceKey first = span.run->key(span.from);
  const std::uint64_t count = span.size();
  spans_.emplace(first, Span{std::move(span), {worker, attempt}, std::vector<bool>(count, true), count, ++given_});
  size_ += count;
}

template <typename AnySpans>
auto LeaseTable::span_of(AnySpans& spans, const SliceKey& key) {
  const auto above = spans.upper_bound(key);
  if (above == spans.begin() || key.path != SliceKey::kWholeSlice) return spans.end();
  const auto span = std::prev(above);
  const bool has = span->first.generation == key.generation && span->first.slicer == key.slicer &&
                   place_in(span->second.slices, key) < span->second.slices.size();
  return has ? span : spans.end();
}

bool LeaseTable::is_held(const Span& span, const SliceKey& key) {
  return span.held[place_in(span.slices, key)];
}

ActiveSlice LeaseTable::slice_of(const Span& span, std::uint64_t place) {
  ActiveSlice slice = span.slices.slice(span.slices.from + place);
  slice.attempt = span.holder.attempt;
  slice.tries = span.holder.attempt.n;
  return slice;
}

void LeaseTable::release(Spans::iterator span, std::uint64_t place, std::uint64_t count) {
  const auto begin = span->second.held.begin() + static_cast<std::ptrdiff_t>(place);
  std::fill(begin, begin + static_cast<std::ptrdiff_t>(count), false);
  span->second.count -= count;
  size_ -= count;
  if (span->second.count == 0) spans_.erase(span);
}

std::optional<LeaseTable::Holder> LeaseTable::holder(const SliceKey& key) const {
  if (const auto single = singles_.find(key); single != singles_.end())
    return Holder{single->second.worker, single->second.slice.attempt};
  if (const auto span = span_of(spans_, key); span != spans_.end() && is_held(span->second, key))
    return span->second.holder;
  return std::nullopt;
}

ActiveSlice LeaseTable::take(const SliceKey& key) {
  if (const auto single = singles_.find(key); single != singles_.end()) {
    ActiveSlice slice = std::move(single->second.slice);
    singles_.erase(single);
    --size_;
    return slice;
  }
  const auto span = span_of(spans_, key);
  const std::uint64_t place = place_in(span->second.slices, key);
  ActiveSlice slice = slice_of(span->second, place);
  release(span, place, 1);
  return slice;
}

std::optional<SliceSpan> LeaseTable::take(const SliceKey& first, std::uint64_t count, const Holder& holder) {
  const auto span = span_of(spans_, first);
  if (span == spans_.end()) return take_singles(first, count, holder);
  if (span->second.holder != holder) return std::nullopt;
  const std::uint64_t place = place_in(span->second.slices, first);
  if (span->second.slices.size() - place < count) return std::nullopt;
  const auto begin = span->second.held.begin() + static_cast<std::ptrdiff_t>(place);
  if (std::find(begin, begin + static_cast<std::ptrdiff_t>(count), false) != begin + static_cast<std::ptrdiff_t>(count))
    return std::nullopt;
  SliceSpan taken = span->second.slices;
  taken.from += place;
  taken.to = taken.from + count;
  release(span, place, count);
  return taken;
}

std::optional<SliceSpan> LeaseTable::take_singles(const SliceKey& first, std::uint64_t count, const Holder& holder) {
  std::optional<SliceSpan> taken;
  SliceKey key = first;
  for (std::uint64_t i = 0; i < count; ++i, ++key.order) {
    const auto single = singles_.find(key);
    if (single == singles_.end()) return std::nullopt;
    const ActiveSlice& slice = single->second.slice;
    if (single->second.worker != holder.worker || slice.attempt != holder.attempt || slice.has_row) return std::nullopt;
    if (single->second.doubled) return std::nullopt;
    if (!taken) taken = SliceSpan{slice.run, slice.index, slice.index, slice.replayed};
    if (!slice.run || slice.run != taken->run || slice.index != taken->to) return std::nullopt;
    ++taken->to;
  }
  for (key = first; key.order < first.order + count; ++key.order) singles_.erase(key);
  size_ -= count;
  return taken;
}

LeaseTable::Single* LeaseTable::oldest_undoubled(WorkerNumber worker) {
  Single* oldest = nullptr;
  for (auto& [key, single] : singles_)
    if (single.worker == worker && !single.doubled && (oldest == nullptr || single.given < oldest->given))
      oldest = &single;
  auto span = spans_.end();
  for (auto each = spans_.begin(); each != spans_.end(); ++each) {
    if (each->second.holder.worker != worker || (oldest != nullptr && oldest->given <= each->second.given)) continue;
    if (span == spans_.end() || each->second.given < span->second.given) span = each;
  }
  if (span == spans_.end()) return oldest;
  const std::uint64_t given = span->second.given;
  const auto place = std::find(span->second.held.begin(), span->second.held.end(), true) - span->second.held.begin();
  ActiveSlice slice = slice_of(span->second, static_cast<std::uint64_t>(place));
  release(span, static_cast<std::uint64_t>(place), 1);
  const SliceKey key = slice.key;
  ++size_;
  return &(singles_[key] = Single{std::move(slice), worker, given});
}

std::vector<SliceKey> LeaseTable::held_by(WorkerNumber worker) const {
  std::vector<SliceKey> keys;
  for (const auto& [key, single] : singles_)
    if (single.worker == worker) keys.push_back(key);
  for (const auto& [first, span] : spans_) {
    if (span.holder.worker != worker) continue;
    for (std::uint64_t place = 0; place < span.held.size(); ++place)
      if (span.held[place]) keys.push_back(span.slices.run->key(span.slices.from + place));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::vector<ActiveSlice> LeaseTable::take_all(WorkerNumber worker) {
  std::vector<ActiveSlice> slices;
  for (const SliceKey& key : held_by(worker)) slices.push_back(take(key));
  return slices;
}

std::vector<ActiveSlice> LeaseTable::take_all() {
  std::vector<ActiveSlice> slices;
  slices.reserve(size_);
  for (auto& [key, single] : singles_) slices.push_back(std::move(single.slice));
  for (const auto& [first, span] : spans_)
    for (std::uint64_t place = 0; place < span.held.size(); ++place)
      if (span.held[place]) slices.push_back(slice_of(span, place));
  singles_.clear();
  spans_.clear();
  size_ = 0;
  sort_by_key(slices);
  return slices;
}

}  // namespace slicemill::controller
