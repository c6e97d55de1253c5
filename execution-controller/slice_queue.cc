#include "execution-controller/slice_queue.h"

#include <algorithm>
#include <utility>

namespace slicemill::controller {

ActiveSlice SliceQueue::from_run(const Chunk& chunk, std::uint64_t index) {
  ActiveSlice slice;
  slice.key = chunk.range.run->key(index);
  slice.created_ms = chunk.range.run->created_ms;
  slice.run = chunk.range.run;
  slice.index = index;
  slice.replayed = chunk.replayed;
  return slice;
}

void SliceQueue::push_range(OpenRange range, bool replayed) {
  if (range.from >= range.to) return;
  size_ += range.to - range.from;
  ranges_.push_back({std::move(range), replayed});
}

void SliceQueue::push_back(ActiveSlice slice) {
  last_.push_back(std::move(slice));
  ++size_;
}

void SliceQueue::push_front(ActiveSlice slice) {
  first_.push_back(std::move(slice));
  ++size_;
}

std::optional<ActiveSlice> SliceQueue::take() {
  std::optional<ActiveSlice> slice;
  if (!first_.empty()) {
    slice = std::move(first_.front());
    first_.pop_front();
  } else if (!ranges_.empty()) {
    auto& chunk = ranges_.front();
    slice = from_run(chunk, chunk.range.from++);
    if (chunk.range.from == chunk.range.to) ranges_.pop_front();
  } else if (!last_.empty()) {
    slice = std::move(last_.front());
    last_.pop_front();
  }
  if (slice) --size_;
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
  if (key.path != SliceKey::kWholeSlice) return std::nullopt;
  for (auto chunk = ranges_.begin(); chunk != ranges_.end(); ++chunk) {
    const SliceRun& run = *chunk->range.run;
    if (run.generation != key.generation || run.slicer != key.slicer || key.order < run.first_order) continue;
    const std::uint64_t index = key.order - run.first_order;
    if (index < chunk->range.from || index >= chunk->range.to) continue;
    ActiveSlice slice = from_run(*chunk, index);
    Chunk rest = *chunk;
    rest.range.from = index + 1;
    chunk->range.to = index;
    if (rest.range.from < rest.range.to) chunk = std::prev(ranges_.insert(std::next(chunk), std::move(rest)));
    if (chunk->range.from == chunk->range.to) ranges_.erase(chunk);
    --size_;
    return slice;
  }
  return std::nullopt;
}

}  // namespace slicemill::controller
