#include "execution-controller/dispatch/worker_watch.h"

#include <fmt/core.h>

#include <utility>

namespace slicemill::controller {
namespace {
constexpr auto kLookEvery = std::chrono::seconds(1);
constexpr auto kLookAtGoodTimes = std::chrono::seconds(4);  // it costs idle executions
constexpr auto kSayAfter = std::chrono::seconds(3);         // a worker that died is replaced and connected by then
}  // namespace

WorkerWatch::WorkerWatch(Loop& loop, std::string ex_id, const ExecutionSettings& settings, Hooks hooks)
    : loop_(loop), ex_id_(std::move(ex_id)), settings_(settings), hooks_(std::move(hooks)) {}

void WorkerWatch::begin() {
  seen_ = loop_.now();
  look();
}

void WorkerWatch::tell(SteadyTime now) {
  const bool alone = now - seen_ > kSayAfter;
  if (alone == (alone_ms_ != 0)) return;
  using std::chrono::milliseconds;
  alone_ms_ = alone ? loop_.wall_ms() - std::chrono::duration_cast<milliseconds>(now - seen_).count() : 0;
  hooks_.on_change();
}

std::string WorkerWatch::reason() const {
  return alone_ms_ == 0 ? "" : fmt::format("no worker is connected since {}", to_iso(alone_ms_));
}

void WorkerWatch::look() {
  const auto counts = hooks_.counts();
  const auto now = loop_.now();
  const bool fine = counts.connected > 0 || hooks_.excused();
  if (fine) seen_ = now;
  tell(now);
  const std::int64_t limit = counts.joined == 0 ? settings_.slicer_timeout_ms : settings_.worker_disconnect_timeout_ms;
  if (now - seen_ > std::chrono::milliseconds(limit)) {
    hooks_.on_alone(Error(ErrorCode::timeout,
                          counts.joined == 0
                              ? fmt::format("No workers have connected to slicer in the allotted time: {} ms", limit)
                              : fmt::format("All workers from workers from {} have disconnected", ex_id_)));
    return;
  }
  loop_.around(fine ? kLookAtGoodTimes : kLookEvery, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) look();
  });
}

}  // namespace slicemill::controller
