#include "execution-controller/dispatch/crash_charge.h"

#include <chrono>
#include <csignal>
#include <utility>

#include "core/runtime/in_flight_marker.h"
#include "core/runtime/log.h"

namespace slicemill::controller {
namespace {

constexpr std::int64_t kCauseWaitMs = 1000;  // for the parent to say how a worker died; it may be busy
constexpr std::size_t kRememberedCauses = 256;

bool is_harmless(const ProcessExit& exit, const std::string& cause) {
  return (exit.known && (exit.signal == SIGTERM || (exit.signal == 0 && exit.code == 0))) ||
         cause == ProcessExit{true, 0, SIGTERM}.to_text() || cause == ProcessExit{true, 0, 0}.to_text();
}

}  // namespace

void CrashCharge::charge(ActiveSlice slice, pid_t pid, const ProcessExit& exit) {
  const auto told = causes_.find(pid);
  if (told != causes_.end() || exit.known) {
    const std::string cause = exit.known ? exit.to_text() : told->second;
    if (told != causes_.end()) causes_.erase(told);
    if (is_harmless(exit, cause))
      hooks_.on_free(std::move(slice));
    else
      hooks_.on_crash(std::move(slice), cause);
    return;
  }
  Waiting waiting{std::move(slice), 0};
  waiting.timer =
      loop_.after(std::chrono::milliseconds(kCauseWaitMs), [this, pid, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) this->told(pid, ProcessExit{}.to_text());
      });
  waiting_[pid] = std::move(waiting);
}

void CrashCharge::told(std::int64_t pid, const std::string& cause) {
  causes_[pid] = cause;
  while (causes_.size() > kRememberedCauses) causes_.erase(causes_.begin());
  const auto waiting = waiting_.find(pid);
  if (waiting == waiting_.end()) return;
  ActiveSlice slice = std::move(waiting->second.slice);
  loop_.cancel(waiting->second.timer);
  waiting_.erase(waiting);
  charge(std::move(slice), static_cast<pid_t>(pid), {});
  hooks_.on_told();
}

std::vector<ActiveSlice> CrashCharge::take_all() {
  std::vector<ActiveSlice> slices;
  for (auto& [pid, waiting] : waiting_) {
    loop_.cancel(waiting.timer);
    slices.push_back(std::move(waiting.slice));
  }
  waiting_.clear();
  return slices;
}

// No other process would charge these slices, and one that takes everybody down would be tried for ever. The marker
// goes first: a charge may be lost by another death just now, and is never made twice.
void charge_the_dead(const std::string& marker_directory, ProcessMonitor* monitor, Files& files, std::uint64_t epoch,
                     const std::function<void(const SliceKey&, const Attempt&)>& charge) {
  if (monitor == nullptr) return;
  for (const auto& path : in_flight_markers_in(marker_directory)) {
    const auto note = read_in_flight_marker(path);
    if (!note || monitor->alive(note->worker)) continue;  // it says itself what it holds
    if (!files.remove(path) || !note->begun || note->excused) continue;
    const auto& begun = *note->begun;
    if (begun.epoch >= epoch) continue;
    const SliceKey key = key_of(begun);
    log(LogLevel::warn, "slice {}/{} was running when worker (pid {}) died together with its controller", key.slicer,
        key.order, note->worker.pid);
    charge(key, attempt_of(begun));
  }
}

}  // namespace slicemill::controller
