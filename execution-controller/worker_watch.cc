#include "execution-controller/worker_watch.h"

#include <fmt/core.h>

#include <utility>

namespace slicemill::controller {
namespace {
constexpr auto kLookEvery = std::chrono::seconds(1);
}

WorkerWatch::WorkerWatch(Loop& loop, std::string ex_id, const ExecutionSettings& settings, Hooks hooks)
    : loop_(loop), ex_id_(std::move(ex_id)), settings_(settings), hooks_(std::move(hooks)) {}

void WorkerWatch::begin() {
  seen_ = loop_.now();
  look();
}

void WorkerWatch::look() {
  const auto counts = hooks_.counts();
  const auto now = loop_.now();
  if (counts.connected > 0 || hooks_.excused()) seen_ = now;
  const std::int64_t limit = counts.joined == 0 ? settings_.slicer_timeout_ms : settings_.worker_disconnect_timeout_ms;
  if (now - seen_ > std::chrono::milliseconds(limit)) {
    hooks_.on_alone(Error(ErrorCode::timeout,
                          counts.joined == 0
                              ? fmt::format("No workers have connected to slicer in the allotted time: {} ms", limit)
                              : fmt::format("All workers from workers from {} have disconnected", ex_id_)));
    return;
  }
  loop_.after(kLookEvery, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) look();
  });
}

}  // namespace slicemill::controller
