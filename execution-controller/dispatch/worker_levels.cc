// WorkerTable, second part: what a worker is told until it obeys.
//
// A message that ends a wait may be lost: the worker's buffer was full, or the connection broke. So each of them is a
// level that is kept here: acknowledgements, leaving, recalls, revoked attempts, the log level, and how many workers
// may stay. A heartbeat says what the worker knows; what it does not know is told again, at the next frame that comes
// from it if its buffer was full. What heartbeats cannot repair, because slices are missing on one side, the next Hello
// does.
#include <algorithm>
#include <utility>

#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/dispatch/worker_table.h"

namespace slicemill::controller {

namespace {
// In heartbeats, since a worker was ordered something: by then the order or its answer is lost, or the worker hangs.
constexpr int kAnswerHeartbeats = 2;
}  // namespace

void WorkerTable::tell(Worker& worker, const wire::Message& level) {
  if (send(worker, level) == ServerChannel::Sent::would_block && !SLICEMILL_MUTATED("tell_once")) worker.untold = true;
}

void WorkerTable::acknowledge(const Worker& worker, std::uint64_t seq) {
  hooks_.after_sync([this, number = worker.number, seq, alive = std::weak_ptr<bool>(alive_)] {
    Worker* found = alive.expired() ? nullptr : find(number);
    if (found == nullptr) return;
    found->acked = std::max(found->acked, seq);
    tell(*found, wire::Acked{found->acked});
  });
}

void WorkerTable::recall(Worker& worker, std::uint64_t keep) {
  worker.recall = std::min(keep, worker.recall.value_or(keep));
  worker.recalled = loop_.now();
  tell(worker, wire::Recall{options_.epoch, *worker.recall});
}

void WorkerTable::revoke(Worker& worker, const wire::HeldSlice& attempt) {
  tell(worker, wire::Cancel{options_.epoch, {attempt}});
}

void WorkerTable::dismiss_all() {
  dismissing_ = true;
  for (auto& [number, worker] : workers_) dismiss(worker);
}

void WorkerTable::dismiss(Worker& worker) {
  if (!std::exchange(worker.leaving, true)) tell(worker, wire::Leave{});
}

void WorkerTable::set_wanted(std::uint64_t wanted) {
  wanted_ = wanted;
  dismiss_surplus();
}

void WorkerTable::dismiss_surplus() {
  if (wanted_ == 0) return;
  std::vector<Worker*> staying;
  for (auto& [number, worker] : workers_)
    if (!worker.leaving) staying.push_back(&worker);
  if (staying.size() <= wanted_) return;
  std::stable_sort(staying.begin(), staying.end(),
                   [](const Worker* a, const Worker* b) { return a->outstanding < b->outstanding; });
  const auto surplus = static_cast<std::ptrdiff_t>(staying.size() - wanted_);
  std::for_each(staying.begin(), staying.begin() + surplus, [this](Worker* worker) { dismiss(*worker); });
}

void WorkerTable::set_log_level(const std::string& level) {
  options_.log_level = level;
  for (auto& [number, worker] : workers_) tell(worker, wire::SetLogLevel{level});
}

void WorkerTable::tell_revoked(Worker& worker) {
  wire::Cancel cancel{.epoch = options_.epoch, .slices = hooks_.revoked(worker.number)};
  if (!cancel.slices.empty()) tell(worker, cancel);
}

void WorkerTable::tell_missed(Worker& worker) {
  if (!std::exchange(worker.untold, false)) return;
  tell(worker, wire::Acked{worker.acked});
  if (worker.recall) tell(worker, wire::Recall{options_.epoch, *worker.recall});
  if (worker.leaving) tell(worker, wire::Leave{});
  tell(worker, wire::SetLogLevel{options_.log_level});
  tell_revoked(worker);
}

// Everything that the worker sent before its heartbeat has arrived, or never will.
void WorkerTable::on_heartbeat(Worker& worker, const wire::Heartbeat& heartbeat) {
  if (heartbeat.epoch != options_.epoch || SLICEMILL_MUTATED("tell_once")) return;  // else: its Hello is on the way
  const Duration patience = kAnswerHeartbeats * std::chrono::milliseconds(options_.settings.beat_ms);
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
