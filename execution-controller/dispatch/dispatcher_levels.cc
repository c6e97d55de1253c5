// Dispatcher, fourth part: what a worker is told until it obeys.
//
// A message that ends a wait may be lost: the worker's buffer was full, or the connection broke. So each of them is a
// level that is kept here: acknowledgements, leaving, recalls, cancellations, the log level, and how many workers may
// stay. A beat says what the worker knows; what it does not know is told again, at the next frame that comes from it
// if its buffer was full. What heartbeats cannot repair, because slices are missing on one side, the next Hello does.
#include <algorithm>
#include <utility>

#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/dispatch/dispatcher.h"

namespace slicemill::controller {

namespace {
// In heartbeats, since a worker was ordered something: by then the order or its answer is lost, or the worker hangs.
constexpr int kAnswerBeats = 2;
}  // namespace

void Dispatcher::tell(Worker& worker, const wire::Message& level) {
  if (send(worker, level) == ServerChannel::Sent::would_block && !SLICEMILL_MUTATED("tell_once")) worker.untold = true;
}

// The worker forgets a result only when what it caused is durable: the batch being gathered holds it.
void Dispatcher::acknowledge(Worker& worker, std::uint64_t seq) {
  writer_.after_sync([this, number = worker.number, seq] {
    const auto found = workers_.find(number);
    if (found == workers_.end()) return;
    found->second.acked = std::max(found->second.acked, seq);
    tell(found->second, wire::Acked{found->second.acked});
  });
}

void Dispatcher::recall(Worker& worker, std::uint64_t keep) {
  worker.recall = std::min(keep, worker.recall.value_or(keep));
  worker.recalled = loop_.now();
  tell(worker, wire::Recall{options_.epoch, *worker.recall});
}

void Dispatcher::dismiss_all() {
  dismissing_ = true;
  for (auto& [number, worker] : workers_) dismiss(worker);
}

void Dispatcher::dismiss(Worker& worker) {
  if (!std::exchange(worker.leaving, true)) tell(worker, wire::Leave{});
}

void Dispatcher::set_workers(std::uint64_t wanted) {
  wanted_workers_ = wanted;
  dismiss_surplus();
}

void Dispatcher::dismiss_surplus() {
  if (wanted_workers_ == 0) return;
  std::vector<Worker*> staying;
  for (auto& [number, worker] : workers_)
    if (!worker.leaving) staying.push_back(&worker);
  if (staying.size() <= wanted_workers_) return;
  std::stable_sort(staying.begin(), staying.end(),
                   [](const Worker* a, const Worker* b) { return a->outstanding < b->outstanding; });
  const auto surplus = static_cast<std::ptrdiff_t>(staying.size() - wanted_workers_);
  std::for_each(staying.begin(), staying.begin() + surplus, [this](Worker* worker) { dismiss(*worker); });
}

void Dispatcher::set_log_level(const std::string& level) {
  options_.log_level = level;
  for (auto& [number, worker] : workers_) tell(worker, wire::SetLogLevel{level});
}

void Dispatcher::tell_cancelled(Worker& worker) {
  if (!speculation_) return;
  wire::Cancel cancel{.epoch = options_.epoch};
  for (const auto& [attempt, number] : speculation_->revoked)
    if (number == worker.number) cancel.slices.push_back({attempt.first, attempt.second});
  if (!cancel.slices.empty()) tell(worker, cancel);
}

void Dispatcher::tell_again(Worker& worker) {
  tell(worker, wire::Acked{worker.acked});
  if (worker.recall) tell(worker, wire::Recall{options_.epoch, *worker.recall});
  if (worker.leaving) tell(worker, wire::Leave{});
  tell(worker, wire::SetLogLevel{options_.log_level});
  tell_cancelled(worker);
}

// Everything that the worker sent before its heartbeat has arrived, or never will.
void Dispatcher::on_heartbeat(Worker& worker, const wire::Heartbeat& beat) {
  if (beat.epoch != options_.epoch || SLICEMILL_MUTATED("tell_once")) return;  // else: its Hello is on the way
  const Duration patience = kAnswerBeats * std::chrono::milliseconds(options_.settings.beat_ms);
  if (beat.acked < worker.acked) tell(worker, wire::Acked{worker.acked});
  if (worker.leaving && !beat.leaving) tell(worker, wire::Leave{});
  if (beat.log_level != options_.log_level) tell(worker, wire::SetLogLevel{options_.log_level});
  if (worker.recall && loop_.now() - worker.recalled >= patience)
    tell(worker, wire::Recall{options_.epoch, *worker.recall});
  if (loop_.now() - worker.ordered < patience) return;  // the order or its answer may be under way
  tell_cancelled(worker);
  if (beat.sent > worker.received || beat.held < worker.outstanding) {
    log(LogLevel::warn, "worker {}: {} slices of it or results up to {} did not arrive; it is asked what it holds",
        worker.id, worker.outstanding - std::min(worker.outstanding, beat.held), beat.sent);
    tell(worker, wire::HelloAgain{});
  }
}

}  // namespace slicemill::controller
