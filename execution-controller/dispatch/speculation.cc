#include "execution-controller/dispatch/speculation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace slicemill::controller {

SpeculationPolicy SpeculationPolicy::of(const Json& job) {
  return {.enabled = job.value("speculation", false),
          .multiplier = job.value("speculation_multiplier", 3.0),
          .least_ms = job.value("speculation_min_runtime", std::int64_t{1'000}),
          .most_percent = job.value("speculation_max_percent", 25.0)};
}

std::size_t SpeculationPolicy::most_second_attempts(std::size_t workers) const {
  return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(workers) * most_percent / 100));
}

std::optional<std::uint64_t> SliceTimes::median_us() const {
  const auto known = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(count_, times_.size()));
  if (known < static_cast<std::ptrdiff_t>(kLeast)) return std::nullopt;
  auto times = times_;
  std::nth_element(times.begin(), times.begin() + known / 2, times.begin() + known);
  return times[static_cast<std::size_t>(known / 2)];
}

std::optional<Duration> Speculation::patience() const {
  const auto median = times.median_us();
  if (!median) return std::nullopt;
  const auto slow =
      std::chrono::microseconds(static_cast<std::int64_t>(static_cast<double>(*median) * policy.multiplier));
  return std::max<Duration>(slow, std::chrono::milliseconds(policy.least_ms));
}

}  // namespace slicemill::controller
