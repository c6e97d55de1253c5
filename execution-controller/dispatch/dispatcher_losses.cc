// Dispatcher, second part: workers that die or fall silent, and what becomes of their slices.
#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/files.h"
#include "core/runtime/in_flight_marker.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/dispatch/dispatcher.h"

namespace slicemill::controller {
namespace {

constexpr std::int64_t kCauseWaitMs = 1000;  // for the parent to say how a worker died; it may be busy
constexpr std::size_t kRememberedCauses = 256;
constexpr Duration kLookAround = std::chrono::seconds(4);  // for silent workers, if no lease ends sooner

bool harmless(const ProcessExit& exit) {
  return exit.known && (exit.signal == SIGTERM || (exit.signal == 0 && exit.code == 0));
}

}  // namespace

void Dispatcher::requeue(ActiveSlice slice) {
  if (slice.crashes > 0)
    isolated_.push_back(std::move(slice));
  else
    queue_.push_front(std::move(slice));
}

std::vector<std::pair<SliceKey, Attempt>> Dispatcher::release_leases(WorkerNumber number) {
  std::vector<std::pair<SliceKey, Attempt>> attempts;
  drop_second_attempts(number, {}, attempts);
  for (auto& slice : leases_.take_all(number)) {
    attempts.emplace_back(slice.key, slice.attempt);
    if (!SLICEMILL_MUTATED("forget_lease")) requeue(std::move(slice));
  }
  return attempts;
}

void Dispatcher::forget(WorkerNumber number) {
  const auto found = workers_.find(number);
  if (found == workers_.end()) return;
  if (found->second.peer != 0) {
    peers_.erase(found->second.peer);
    channel_.drop(found->second.peer);
  }
  workers_.erase(found);
}

void Dispatcher::on_exit(WorkerNumber number, ProcessExit exit) {
  const auto found = workers_.find(number);
  if (found == workers_.end()) return;
  Worker& worker = found->second;
  const pid_t pid = worker.process.pid;
  ++totals_.disconnected;
  std::vector<std::pair<SliceKey, Attempt>> lost;
  drop_second_attempts(number, {}, lost);  // what goes on elsewhere is charged to nobody
  std::optional<ActiveSlice> begun;
  if (const auto note = read_in_flight_marker(worker.marker_path); note && note->begun) {
    const SliceKey key = key_of(*note->begun);
    if (holds(worker, key, attempt_of(*note->begun))) begun = leases_.take(key);
  }
  (void)posix_files().remove(worker.marker_path);
  log(worker.leaving ? LogLevel::info : LogLevel::warn, "worker {} (pid {}) is gone", worker.id, pid);
  const auto released = release_leases(number);
  lost.insert(lost.end(), released.begin(), released.end());
  if (begun) lost.emplace_back(begun->key, begun->attempt);
  hooks_.on_attempts_lost(lost);
  const bool leaving = worker.leaving;
  forget(number);
  if (begun) {
    if (leaving)
      requeue(std::move(*begun));
    else
      charge(std::move(*begun), pid, exit);
  }
  hooks_.on_change();
  pump();
}

// Only the parent knows how a process ended: the slice waits a moment for its word.
void Dispatcher::charge(ActiveSlice slice, pid_t pid, const ProcessExit& exit) {
  if (const auto told = causes_.find(pid); told != causes_.end() || exit.known) {
    const std::string cause = exit.known ? exit.to_text() : told->second;
    if (told != causes_.end()) causes_.erase(told);
    if (harmless(exit) || cause == ProcessExit{true, 0, SIGTERM}.to_text() ||
        cause == ProcessExit{true, 0, 0}.to_text())
      requeue(std::move(slice));
    else
      hooks_.on_crash(std::move(slice), cause);
    return;
  }
  AwaitingCause waiting{std::move(slice), 0};
  waiting.timer =
      loop_.after(std::chrono::milliseconds(kCauseWaitMs), [this, pid, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) on_exit_cause(pid, ProcessExit{}.to_text());
      });
  awaiting_cause_[pid] = std::move(waiting);
}

void Dispatcher::on_exit_cause(std::int64_t pid, const std::string& cause) {
  causes_[pid] = cause;
  while (causes_.size() > kRememberedCauses) causes_.erase(causes_.begin());
  const auto waiting = awaiting_cause_.find(pid);
  if (waiting == awaiting_cause_.end()) return;
  ActiveSlice slice = std::move(waiting->second.slice);
  loop_.cancel(waiting->second.timer);
  awaiting_cause_.erase(waiting);
  charge(std::move(slice), static_cast<pid_t>(pid), {});
  hooks_.on_change();
  pump();
}

void Dispatcher::on_pulse(Worker& worker, const wire::Pulse& pulse) {
  auto view = PulseView::open(pulse.path);
  if (!view) {  // then its heartbeats go on being messages
    log(LogLevel::warn, "worker {}: {}", worker.id, view.error().message);
    return;
  }
  worker.pulse = std::move(*view);
  send(worker, wire::PulseTaken{static_cast<std::uint64_t>(options_.settings.pulse_ms())});
}

void Dispatcher::on_silence() {
  const Duration lease = std::chrono::milliseconds(options_.settings.lease_ms);
  const Duration rest_lease = std::chrono::milliseconds(options_.settings.rest_lease_ms());
  // Time in which this process did not run itself (stopped, starved) is not silence of others: what they sent is
  // unread.
  const Duration late = loop_.now() - silence_due_;
  SteadyTime next = loop_.now() + rest_lease;
  bool unblocked = false;
  std::vector<WorkerNumber> silent;
  for (auto& [number, worker] : workers_) {
    if (late > Duration::zero()) worker.heard += late;
    if (worker.pulse && worker.pulse->last() > worker.heard) {
      worker.heard = worker.pulse->last();
      unblocked = std::exchange(worker.blocked, false) || unblocked;
    }
    if (worker.process.pid == 0) continue;
    const Duration limit = worker.pulse && worker.outstanding == 0 ? rest_lease : lease;
    if (loop_.now() - worker.heard > limit)
      silent.push_back(number);
    else
      next = std::min(next, worker.blocked ? loop_.now() : worker.heard + limit);
  }
  for (const WorkerNumber number : silent) {
    Worker& worker = workers_.at(number);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - worker.heard).count();
    log(LogLevel::warn, "worker {} (pid {}) was silent for {} ms: its leases are over", worker.id, worker.process.pid,
        ms);
    ++totals_.disconnected;
    hooks_.on_lost(worker.process, fmt::format("silent for {} ms", ms));
    if (monitor_ != nullptr) monitor_->kill(worker.process);
    hooks_.on_attempts_lost(release_leases(number));
    forget(number);
  }
  if (!silent.empty()) hooks_.on_change();
  if (!silent.empty() || unblocked) pump();
  // No sooner than anything can have changed: an idle execution should not wake for it.
  const Duration least = std::chrono::milliseconds(std::min(options_.settings.beat_ms, options_.settings.pulse_ms()));
  const Duration wait = std::max<Duration>(next - loop_.now() + std::chrono::milliseconds(1), least);
  const auto look = [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) on_silence();
  };
  // Early, but together with what else wakes this process.
  const bool has_time = wait >= kLookAround * 3 / 2;
  silence_due_ = loop_.now() + (has_time ? kLookAround * 3 / 2 : wait);
  has_time ? loop_.around(kLookAround, look) : loop_.after(wait, look);
}

}  // namespace slicemill::controller
