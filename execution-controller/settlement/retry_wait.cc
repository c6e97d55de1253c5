#include "execution-controller/settlement/retry_wait.h"

#include <utility>

namespace slicemill::controller {

RetryWait::RetryWait(Loop& loop, std::function<void(ActiveSlice)> on_over)
    : loop_(loop), on_over_(std::move(on_over)) {}

std::vector<ActiveSlice> RetryWait::take_all() {
  std::vector<ActiveSlice> slices;
  for (auto& [ticket, slice] : std::exchange(waiting_, {})) slices.push_back(std::move(slice));
  return slices;
}

void RetryWait::add(ActiveSlice slice, std::int64_t wait_ms) {
  const std::uint64_t ticket = next_++;
  waiting_.emplace(ticket, std::move(slice));
  loop_.after(std::chrono::milliseconds(wait_ms), [this, ticket, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    auto waiting = waiting_.extract(ticket);
    if (!waiting.empty()) on_over_(std::move(waiting.mapped()));
  });
}

}  // namespace slicemill::controller
