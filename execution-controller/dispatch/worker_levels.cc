#include "execution-controller/dispatch/worker_levels.h"

#include <algorithm>
#include <utility>

#include "core/runtime/log.h"
#include "core/runtime/mutation.h"

namespace slicemill::controller {
namespace {

// In heartbeats, since a worker was ordered something: by then the order or its answer is lost, or the worker hangs.
constexpr int kAnswerHeartbeats = 2;
}  // namespace

WorkerLevels::WorkerLevels(Loop& loop, WorkerTable& workers, Options options, Hooks hooks)
    : loop_(loop), workers_(workers), options_(std::move(options)), hooks_(std::move(hooks)) {}

void WorkerLevels::greet(Worker& worker) {
  if (dismissing_ || worker.leaving) {  // it was on its way, or lost the word with its connection
    worker.leaving = false;
    dismiss(worker);
  }
  dismiss_surplus();
}

void WorkerLevels::tell(Worker& worker, const wire::Message& level) {
  if (workers_.send(worker, level) == ServerChannel::Sent::would_block && !SLICEMILL_MUTATED("tell_once"))
    worker.untold = true;
}

void WorkerLevels::acknowledge(const Worker& worker, std::uint64_t seq) {
  hooks_.after_recorded([this, number = worker.number, seq, alive = std::weak_ptr<bool>(alive_)] {
    Worker* found = alive.expired() ? nullptr : workers_.find(number);
    if (found == nullptr) return;
    found->acked = std::max(found->acked, seq);
    tell(*found, wire::Acked{found->acked});
  });
}

void WorkerLevels::recall(Worker& worker, std::uint64_t keep) {
  worker.recall = std::min(keep, worker.recall.value_or(keep));
  worker.recalled = loop_.now();
  tell(worker, wire::Recall{options_.epoch, *worker.recall});
}

void WorkerLevels::revoke(Worker& worker, const wire::HeldSlice& attempt) {
  tell(worker, wire::Cancel{options_.epoch, {attempt}});
}

void WorkerLevels::dismiss_all() {
  dismissing_ = true;
  for (auto& [number, worker] : workers_.all()) dismiss(worker);
}

void WorkerLevels::dismiss(Worker& worker) {
  if (!std::exchange(worker.leaving, true)) tell(worker, wire::Leave{});
}

void WorkerLevels::set_wanted(std::uint64_t wanted) {
  wanted_ = wanted;
  dismiss_surplus();
}

void WorkerLevels::dismiss_surplus() {
  if (wanted_ == 0) return;
  std::vector<Worker*> staying;
  for (auto& [number, worker] : workers_.all())
    if (!worker.leaving) staying.push_back(&worker);
  if (staying.size() <= wanted_) return;
  std::stable_sort(staying.begin(), staying.end(),
                   [](const Worker* a, const Worker* b) { return a->outstanding < b->outstanding; });
  const auto surplus = static_cast<std::ptrdiff_t>(staying.size() - wanted_);
  std::for_each(staying.begin(), staying.begin() + surplus, [this](Worker* worker) { dismiss(*worker); });
}

void WorkerLevels::set_log_level(const std::string& level) {
  options_.log_level = level;
  for (auto& [number, worker] : workers_.all()) tell(worker, wire::SetLogLevel{level});
}

void WorkerLevels::tell_revoked(Worker& worker) {
  wire::Cancel cancel{.epoch = options_.epoch, .slices = hooks_.revoked(worker.number)};
  if (!cancel.slices.empty()) tell(worker, cancel);
}

void WorkerLevels::tell_missed(Worker& worker) {
  if (!std::exchange(worker.untold, false)) return;
  tell(worker, wire::Acked{worker.acked});
  if (worker.recall) tell(worker, wire::Recall{options_.epoch, *worker.recall});
  if (worker.leaving) tell(worker, wire::Leave{});
  tell(worker, wire::SetLogLevel{options_.log_level});
  tell_revoked(worker);
}

// Everything that the worker sent before its heartbeat has arrived, or never will.
void WorkerLevels::on_heartbeat(Worker& worker, const wire::Heartbeat& heartbeat) {
  if (heartbeat.epoch != options_.epoch || SLICEMILL_MUTATED("tell_once")) return;  // else: its Hello is on the way
  if (heartbeat.leaving) worker.leaving = true;  // by itself, as when it was told to end: it takes no more
  const Duration patience = kAnswerHeartbeats * std::chrono::milliseconds(options_.beat_ms);
  if (heartbeat.acked < worker.acked) tell(worker, wire::Acked{worker.acked});
  if (worker.leaving && !heartbeat.leaving) tell(worker, wire::Leave{});
  if (heartbeat.log_level != options_.log_level) tell(worker, wire::SetLogLevel{options_.log_level});
  if (worker.recall && loop_.now() - worker.recalled >= patience)
    tell(worker, wire::Recall{options_.epoch, *worker.recall});
  if (loop_.now() - worker.ordered < patience) return;  // the order or its answer may be under way
  tell_revoked(worker);
  if (heartbeat.sent > worker.received || heartbeat.held < worker.outstanding) {
    log(LogLevel::warn, "worker {}: {} slices of it or results up to {} did not arrive; it is asked what it holds",
        worker.id, worker.outstanding - std::min(worker.outstanding, heartbeat.held), heartbeat.sent);
    tell(worker, wire::HelloAgain{});
  }
}

}  // namespace slicemill::controller
