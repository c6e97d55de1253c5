// How many slices a worker may hold: work, not slices. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slicemill::controller {

inline constexpr double kWaitingWorkUs = 20'000;     // what may wait at a worker behind the slice that runs there
inline constexpr std::uint64_t kUnknownCredit = 2;   // one running, one waiting, until a slice time is measured
inline constexpr std::uint64_t kMostWaiting = 2048;  // slices

// slice_us: how long slices of this worker take, in microseconds; 0: not known yet.
inline std::uint64_t credit_limit(double slice_us) {
  if (slice_us <= 0) return kUnknownCredit;
  return 1 + std::clamp<std::uint64_t>(static_cast<std::uint64_t>(kWaitingWorkUs / slice_us), 1, kMostWaiting);
}

}  // namespace slicemill::controller
