// What may be dispatched: durable creations, in order, as spans of runs; and single slices that came back. Pure; loop
// thread.
//
// A run of a million slices is one entry. Slices that came back (retry, recall, lost worker) go first.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "execution-controller/dispatch/active_slice.h"

namespace slicemill::controller {

class SliceQueue {
 public:
  void push_range(OpenRange range, bool replayed);
  void push_back(ActiveSlice slice);
  void push_front(ActiveSlice slice);
  // It could not be given after all: it is the next one again.
  void push_front(SliceSpan span);

  // The next slice that came back, or up to `most` fresh ones of one run. Requires: not empty, most > 0.
  std::variant<ActiveSlice, SliceSpan> take(std::uint64_t most);
  // Takes out exactly this slice, wherever it waits: a worker that survived the controller still has it.
  std::optional<ActiveSlice> extract(const SliceKey& key);
  // The same for fresh slices with consecutive orders; nothing unless all of them wait.
  std::optional<SliceSpan> extract(const SliceKey& first, std::uint64_t count);
  // Takes out those that were tried under this epoch.
  std::vector<ActiveSlice> take_tried();

  std::uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::deque<ActiveSlice> first_;
  std::deque<SliceSpan> spans_;
  std::deque<ActiveSlice> last_;
  std::uint64_t size_ = 0;
};

}  // namespace slicemill::controller
