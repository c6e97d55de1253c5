// Slices that failed and wait for their next try. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/runtime/loop.h"
#include "execution-controller/dispatch/active_slice.h"

namespace slicemill::controller {

class RetryWait {
 public:
  // on_over: the slice's wait is over.
  RetryWait(Loop& loop, std::function<void(ActiveSlice)> on_over);

  void add(ActiveSlice slice, std::int64_t wait_ms);
  // No more tries.
  std::vector<ActiveSlice> take_all();
  std::size_t size() const { return waiting_.size(); }

 private:
  Loop& loop_;
  std::function<void(ActiveSlice)> on_over_;
  std::map<std::uint64_t, ActiveSlice> waiting_;
  std::uint64_t next_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
