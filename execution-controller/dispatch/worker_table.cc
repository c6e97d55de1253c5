#include "execution-controller/dispatch/worker_table.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/log.h"

namespace slicemill::controller {
namespace {

constexpr Duration kLookAround = std::chrono::seconds(4);  // for silent workers, if no lease ends sooner

}  // namespace

WorkerTable::WorkerTable(Loop& loop, ServerChannel& channel, ProcessMonitor* monitor, Options options, Hooks hooks)
    : loop_(loop),
      channel_(channel),
      monitor_(monitor),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      silence_due_(loop.now()) {
  look_for_silence();
}

Worker* WorkerTable::find(WorkerNumber number) {
  const auto found = workers_.find(number);
  return found == workers_.end() ? nullptr : &found->second;
}

Worker* WorkerTable::by_peer(ServerChannel::Peer peer) {
  const auto number = peers_.find(peer);
  return number == peers_.end() ? nullptr : find(number->second);
}

Worker* WorkerTable::idle(const std::function<bool(const Worker&)>& may) {
  const auto found = std::find_if(workers_.begin(), workers_.end(), [&](const auto& entry) {
    return entry.second.outstanding == 0 && may(entry.second);
  });
  return found == workers_.end() ? nullptr : &found->second;
}

WorkerCounts WorkerTable::counts() const {
  WorkerCounts counts = totals_;
  counts.connected = workers_.size();
  for (const auto& [number, worker] : workers_) counts.active += worker.outstanding > 0 ? 1 : 0;
  return counts;
}

Worker& WorkerTable::welcome_back_or_new(ServerChannel::Peer peer, const wire::Hello& hello) {
  for (auto& [number, worker] : workers_) {
    if (worker.id != hello.worker_id) continue;
    if (worker.peer != 0 && worker.peer != peer) {
      peers_.erase(worker.peer);
      channel_.drop(worker.peer);
    }
    ++totals_.reconnected;
    worker.peer = peer;
    peers_[peer] = number;
    return worker;
  }
  const WorkerNumber number = next_++;
  Worker& worker = workers_[number];
  worker.number = number;
  worker.id = hello.worker_id;
  worker.peer = peer;
  worker.process = hello.process;
  worker.marker_path = hello.marker_path;
  peers_[peer] = number;
  ++totals_.joined;
  if (monitor_ != nullptr && hello.process.pid != 0)
    worker.watch = monitor_->watch(hello.process, [this, number](const ProcessExit& exit) { on_exit(number, exit); });
  return worker;
}

void WorkerTable::ask_for_pulse(Worker& worker) {
  worker.pulse.reset();  // until it shows it again
  if (options_.looks_at_pulses && worker.process.pid != 0) send(worker, wire::PulseWanted{options_.controller});
}

std::optional<Worker> WorkerTable::take(WorkerNumber number) {
  const auto found = workers_.find(number);
  if (found == workers_.end()) return std::nullopt;
  Worker worker = std::move(found->second);
  workers_.erase(found);
  if (worker.peer != 0) {
    peers_.erase(worker.peer);
    channel_.drop(worker.peer);
  }
  return worker;
}

ServerChannel::Sent WorkerTable::send(Worker& worker, const wire::Message& message) {
  if (worker.peer == 0) return ServerChannel::Sent::gone;
  const auto sent = channel_.send(worker.peer, wire::encode(message));
  if (sent == ServerChannel::Sent::gone) {
    peers_.erase(worker.peer);
    worker.peer = 0;
  }
  return sent;
}

void WorkerTable::ordered(Worker& worker, std::uint64_t slices) {
  worker.ordered = loop_.now();
  worker.none_waits = false;
  if (worker.outstanding == 0) {
    worker.heard = std::max(worker.heard, worker.ordered);
    worker.begins(worker.ordered);
  }
  worker.outstanding += slices;
}

void WorkerTable::kill(const Worker& worker) {
  if (monitor_ != nullptr && worker.process.pid != 0) monitor_->kill(worker.process);
}

void WorkerTable::kill_all() {
  for (const auto& [number, worker] : workers_) kill(worker);
}

void WorkerTable::on_exit(WorkerNumber number, const ProcessExit& exit) {
  auto gone = take(number);
  if (!gone) return;
  ++totals_.disconnected;
  log(gone->leaving ? LogLevel::info : LogLevel::warn, "worker {} (pid {}) is gone", gone->id, gone->process.pid);
  hooks_.on_exit(*gone, exit);
  hooks_.on_change();
}

void WorkerTable::on_pulse(Worker& worker, const wire::Pulse& pulse) {
  auto view = PulseView::open(pulse.path);
  if (!view) {  // then its heartbeats go on being messages
    log(LogLevel::warn, "worker {}: {}", worker.id, view.error().message);
    return;
  }
  worker.pulse = std::move(*view);
  send(worker, wire::PulseTaken{static_cast<std::uint64_t>(options_.settings.pulse_ms())});
}

void WorkerTable::look_for_silence() {
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
    const auto gone = take(number);
    const Worker& worker = *gone;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - worker.heard).count();
    log(LogLevel::warn, "worker {} (pid {}) was silent for {} ms: its leases are over", worker.id, worker.process.pid,
        ms);
    ++totals_.disconnected;
    hooks_.on_lost(worker.process, fmt::format("silent for {} ms", ms));
    kill(worker);
    hooks_.on_silent(worker);
  }
  if (!silent.empty() || unblocked) hooks_.on_change();
  // No sooner than anything can have changed: an idle execution should not wake for it.
  const Duration least = std::chrono::milliseconds(std::min(options_.settings.beat_ms, options_.settings.pulse_ms()));
  const Duration wait = std::max<Duration>(next - loop_.now() + std::chrono::milliseconds(1), least);
  const auto look = [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) look_for_silence();
  };
  // Early, but together with what else wakes this process.
  const bool has_time = wait >= kLookAround * 3 / 2;
  silence_due_ = loop_.now() + (has_time ? kLookAround * 3 / 2 : wait);
  has_time ? loop_.around(kLookAround, look) : loop_.after(wait, look);
}

}  // namespace slicemill::controller
