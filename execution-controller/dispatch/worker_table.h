// WHO IS THERE. The workers of an execution: connections, signs of life, and how each ends. What they are told until
// they obey is in WorkerLevels, what they hold is the dispatcher's. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/model/launch.h"
#include "core/model/stats.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/wire/channel.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/worker.h"

namespace slicemill::controller {

class WorkerTable {
 public:
  struct Hooks {
    // It was taken out of the table.
    std::function<void(const Worker&, const ProcessExit&)> on_exit;
    std::function<void(const Worker&)> on_silent;  // for longer than its lease: it was killed
    std::function<void()> on_change;               // after these, and when one may be given slices again
    std::function<void(const ProcessIdentity&, const std::string&)> on_lost;  // silent: ask the parent to replace it
  };
  struct Options {
    ProcessIdentity controller;
    ExecutionSettings settings;
    bool looks_at_pulses = false;  // workers are processes of this machine
  };

  // monitor: nullptr where workers are threads of this process.
  WorkerTable(Loop& loop, ServerChannel& channel, ProcessMonitor* monitor, Options options, Hooks hooks);

  std::map<WorkerNumber, Worker>& all() { return workers_; }
  const std::map<WorkerNumber, Worker>& all() const { return workers_; }
  std::size_t size() const { return workers_.size(); }
  Worker* find(WorkerNumber number);
  Worker* by_peer(ServerChannel::Peer peer);
  // Of those that may be given something, one that has nothing. `may`: whether a worker may.
  Worker* idle(const std::function<bool(const Worker&)>& may);
  WorkerCounts counts() const;

  // The worker that says hello, which may be known.
  Worker& welcome_back_or_new(ServerChannel::Peer peer, const wire::Hello& hello);
  // After a Welcome: it is to show its pulse, if pulses are looked at.
  void ask_for_pulse(Worker& worker);
  void forget(WorkerNumber number) { (void)take(number); }
  // A connection that is gone is not the process: it may come back with a Hello.
  ServerChannel::Sent send(Worker& worker, const wire::Message& message);
  void on_pulse(Worker& worker, const wire::Pulse& pulse);
  // Slices were sent to it. The lease of one that rested begins now: its last sign of life may be older than a lease of
  // those that work.
  void ordered(Worker& worker, std::uint64_t slices);
  // SIGKILL, to those that are processes.
  void kill(const Worker& worker);
  void kill_all();

 private:
  std::optional<Worker> take(WorkerNumber number);
  void on_exit(WorkerNumber number, const ProcessExit& exit);
  void look_for_silence();

  Loop& loop_;
  ServerChannel& channel_;
  ProcessMonitor* monitor_;
  Options options_;
  const Hooks hooks_;
  std::map<WorkerNumber, Worker> workers_;
  std::unordered_map<ServerChannel::Peer, WorkerNumber> peers_;
  WorkerCounts totals_;
  WorkerNumber next_ = 1;
  SteadyTime silence_due_;  // when it is looked for next
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
