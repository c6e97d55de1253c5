// What one evaluation may take: steps, as a measure of time, and bytes of the values that it makes. One evaluation, one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/runtime/result.h"

namespace slicemill::expression {

struct Limits {
  std::uint64_t steps = 2'000'000;  // a few nanoseconds each
  std::size_t bytes = 32 << 20;     // what is made and dropped again counts too
};

class Budget {
 public:
  explicit Budget(const Limits& limits) : steps_(limits.steps), bytes_(limits.bytes) {}

  Result<void> step(std::uint64_t count = 1) {
    if (count > steps_) return Error{ErrorCode::invalid, "the expression takes too many steps", false};
    steps_ -= count;
    return {};
  }

  // Bytes that are about to be made, and the steps of making them.
  Result<void> make(std::size_t bytes) {
    if (bytes > bytes_) return Error{ErrorCode::invalid, "the expression takes too much memory", false};
    bytes_ -= bytes;
    return step(bytes / 64);
  }

  // Bytes that are only looked at.
  Result<void> look(std::size_t bytes) { return step(1 + bytes / 64); }

  std::size_t bytes_left() const { return bytes_; }

 private:
  std::uint64_t steps_;
  std::size_t bytes_;
};

}  // namespace slicemill::expression
