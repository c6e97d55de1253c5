// When a failed slice runs again. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slicemill::controller {

struct RetryPolicy {
  std::uint32_t max_retries = 3;  // a slice runs at most max_retries + 1 times
  std::int64_t base_ms = 100;     // first backoff; doubles up to kLongestMs, or stays if it is longer
  static constexpr std::int64_t kLongestMs = 30'000;

  // retries: how often it failed before this time.
  bool may_retry(std::uint32_t retries, bool retryable) const { return retryable && retries < max_retries; }

  // Half of the delay is fixed, half is drawn: many slices that failed together do not come back together.
  std::int64_t backoff_ms(std::uint32_t retries, std::uint64_t random) const {
    std::int64_t full = base_ms;
    for (std::uint32_t i = 0; i < retries && full < kLongestMs; ++i) full = std::min(2 * full, kLongestMs);
    return full / 2 + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(full / 2 + 1));
  }
};

}  // namespace slicemill::controller
