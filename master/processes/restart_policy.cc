#include "master/processes/restart_policy.h"

#include <algorithm>

namespace slicemill::master {

std::optional<Duration> RestartPolicy::on_exit(Duration life) {
  if (life >= options_.short_life) {
    failed_starts_ = 0;
    return Duration::zero();
  }
  ++failed_starts_;
  if (options_.budget > 0 && failed_starts_ > options_.budget) return std::nullopt;
  int doublings = failed_starts_ - 1;
  if (options_.first_at_once) {
    if (doublings == 0) return Duration::zero();
    --doublings;
  }
  Duration delay = options_.first_delay;
  while (doublings-- > 0 && delay < options_.longest_delay) delay *= 2;
  return std::min(delay, options_.longest_delay);
}

}  // namespace slicemill::master
