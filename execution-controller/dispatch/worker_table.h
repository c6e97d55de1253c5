// WHO IS THERE. The workers of an execution: connections, signs of life, and what each is told until it obeys
// (worker_levels.cc). What they hold is the dispatcher's. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/model/launch.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/runtime/pulse.h"
#include "core/wire/channel.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/lease_table.h"

namespace slicemill::controller {

using WorkerNumber = LeaseTable::WorkerNumber;

struct Worker {
  WorkerNumber number = 0;
  std::string id;
  ServerChannel::Peer peer = 0;  // 0: not connected
  ProcessIdentity process;       // pid 0: a thread of this process
  std::string marker_path;
  std::unique_ptr<ProcessWatch> watch;
  SteadyTime heard;
  std::unique_ptr<PulseView> pulse;  // looked at, beside what is heard
  std::uint64_t outstanding = 0;     // slices that it was given and is not through with
  double slice_us = 0;               // moving average; 0: not known yet
  bool leaving = false;
  bool blocked = false;  // its buffer was full: no orders until it is heard of again
  bool untold = false;   // and so it missed one of the levels below
  // What it is told until its heartbeats say that it knows.
  std::uint64_t acked = 0;              // its results up to this number are durable
  std::uint64_t received = 0;           // and up to this one they came
  std::optional<std::uint64_t> recall;  // it is to give back all but so many waiting slices, and has not answered
  SteadyTime recalled;                  // when it was told the recall
  bool none_waits = false;              // it had nothing to give back, and was given nothing since
  SteadyTime ordered;                   // when it was given slices
  bool alone = false;                   // runs an isolated slice
  SteadyTime since;      // when it presumably began what it runs, or one of its slices got a second attempt
  bool doubled = false;  // all that it has is under way twice, or not to be
  bool slow = false;     // what it runs takes far too long: nothing is to wait behind that

  // It presumably begins another slice.
  void begins(SteadyTime now) {
    since = now;
    doubled = slow = false;
  }
};

class WorkerTable {
 public:
  struct Hooks {
    // It was taken out of the table.
    std::function<void(const Worker&, const ProcessExit&)> on_exit;
    std::function<void(const Worker&)> on_silent;           // for longer than its lease: it was killed
    std::function<void()> on_change;                        // after these, and when one may be given slices again
    std::function<void(std::function<void()>)> after_sync;  // once the batch being gathered is durable
    std::function<void(const ProcessIdentity&, const std::string&)> on_lost;  // silent: ask the parent to replace it
    std::function<std::vector<wire::HeldSlice>(WorkerNumber)> revoked;        // attempts that it is to let go of
  };
  struct Options {
    std::uint64_t epoch = 1;
    ProcessIdentity controller;
    std::string log_level = "info";
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
  // What follows a Welcome: is its pulse looked at, is it to go?
  void greet(Worker& worker);
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

  // ---- levels: told again until they are obeyed (worker_levels.cc) ----
  // Once what the batch being gathered holds is durable: the worker then forgets its results up to this number.
  void acknowledge(const Worker& worker, std::uint64_t seq);
  // All but so many of its waiting slices are to come back.
  void recall(Worker& worker, std::uint64_t keep);
  void revoke(Worker& worker, const wire::HeldSlice& attempt);
  void dismiss(Worker& worker);
  // Later ones too.
  void dismiss_all();
  // So many may stay; those beyond are asked to go, idle ones first, whoever comes and whenever. 0: as many as come.
  void set_wanted(std::uint64_t wanted);
  void set_log_level(const std::string& level);
  const std::string& log_level() const { return options_.log_level; }
  void on_heartbeat(Worker& worker, const wire::Heartbeat& heartbeat);
  // If its buffer was full before.
  void tell_missed(Worker& worker);

 private:
  std::optional<Worker> take(WorkerNumber number);
  void on_exit(WorkerNumber number, const ProcessExit& exit);
  void look_for_silence();
  void tell(Worker& worker, const wire::Message& level);
  void tell_revoked(Worker& worker);
  void dismiss_surplus();

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
  bool dismissing_ = false;
  std::uint64_t wanted_ = 0;  // 0: as many as come
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
