#include "execution-controller/dispatch/slice_queue.h"

#include <algorithm>
#include <utility>

namespace slicemill::controller {

void SliceQueue::push_range(OpenRange range, bool replayed) {
  if (range.from >= range.to) return;
  size_ += range.to - range.from;
  spans_.push_back({std::move(range.run), range.from, range.to, replayed});
}

void SliceQueue::push_back(ActiveSlice slice) {
  last_.push_back(std::move(slice));
  ++size_;
}

void SliceQueue::push_front(ActiveSlice slice) {
  first_.push_back(std::move(slice));
  ++size_;
}

void SliceQueue::push_front(SliceSpan span) {
  size_ += span.size();
  spans_.push_front(std::move(span));
}

std::variant<ActiveSlice, SliceSpan> SliceQueue::take(std::uint64_t most) {
  if (first_.empty() && !spans_.empty()) {
    SliceSpan& next = spans_.front();
    SliceSpan taken = next;
    taken.to = std::min(next.to, next.from + most);
    next.from = taken.to;
    if (next.from == next.to) spans_.pop_front();
    size_ -= taken.size();
    return taken;
  }
  auto& singles = first_.empty() ? last_ : first_;
  ActiveSlice slice = std::move(singles.front());
  singles.pop_front();
  --size_;
  return slice;
}

std::optional<ActiveSlice> SliceQueue::extract(const SliceKey& key) {
  for (auto* singles : {&first_, &last_}) {
    const auto found =
        std::find_if(singles->begin(), singles->end(), [&](const ActiveSlice& s) { return s.key == key; });
    if (found == singles->end()) continue;
    ActiveSlice slice = std::move(*found);
    singles->erase(found);
    --size_;
    return slice;
  }
  const auto span = extract(key, 1);
  if (!span) return std::nullopt;
  return span->slice(span->from);
}

std::optional<SliceSpan> SliceQueue::extract(const SliceKey& first, std::uint64_t count) {
  if (first.path != SliceKey::kWholeSlice) return std::nullopt;
  for (auto waiting = spans_.begin(); waiting != spans_.end(); ++waiting) {
    const SliceRun& run = *waiting->run;
    if (run.generation != first.generation || run.slicer != first.slicer || first.order < run.first_order) continue;
    const std::uint64_t index = first.order - run.first_order;
    if (index < waiting->from || index >= waiting->to || waiting->to - index < count) continue;
    SliceSpan taken = *waiting;
    taken.from = index;
    taken.to = index + count;
    SliceSpan rest = *waiting;
    rest.from = taken.to;
    waiting->to = taken.from;
    if (rest.from < rest.to) waiting = std::prev(spans_.insert(std::next(waiting), std::move(rest)));
    if (waiting->from == waiting->to) spans_.erase(waiting);
    size_ -= count;
    return taken;
  }
  return std::nullopt;
}

std::vector<ActiveSlice> SliceQueue::take_tried() {
  std::vector<ActiveSlice> tried;
  for (auto* singles : {&first_, &last_}) {
    for (ActiveSlice& slice : *singles)
      if (slice.tries > 0) tried.push_back(slice);
    size_ -= std::erase_if(*singles, [](const ActiveSlice& slice) { return slice.tries > 0; });
  }
  return tried;
}

}  // namespace slicemill::controller
