// What may be dispatched: durable births, in order, as ranges of runs; and single slices that came back. Pure; loop
// thread.
//
// A run of a million slices is one entry. Slices that came back (retry, recall, lost worker) go first.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "core/ledger/slice_ledger.h"
#include "execution-controller/active_slice.h"

namespace slicemill::controller {

class SliceQueue {
 public:
  void push_range(OpenRange range, bool replayed);
  void push_back(ActiveSlice slice);
  void push_front(ActiveSlice slice);

  std::optional<ActiveSlice> take();
  // Takes out exactly this slice, wherever it waits: a worker that survived the controller still has it.
  std::optional<ActiveSlice> extract(const SliceKey& key);

  std::uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  struct Chunk {
    OpenRange range;
    bool replayed = false;
  };
  static ActiveSlice from_run(const Chunk& chunk, std::uint64_t index);

  std::deque<ActiveSlice> first_;
  std::deque<Chunk> ranges_;
  std::deque<ActiveSlice> last_;
  std::uint64_t size_ = 0;
};

}  // namespace slicemill::controller
