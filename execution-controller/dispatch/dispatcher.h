// WHERE A SLICE TRAVELS. Workers, leases and credit: what goes to whom, and what comes back when somebody dies. Loop
// thread.
//
// Credit is work, not slices: one running and one waiting, more only while the waiting ones are worth at most 20 ms by
// measured slice time. A dispatched slice is leased to one worker under one attempt; only that attempt's result is
// taken, everything else is refused and counted.
#pragma once

#include <cstdint>
#include <deque>
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
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/dispatch/lease_table.h"
#include "execution-controller/dispatch/slice_queue.h"
#include "execution-controller/dispatch/speculation.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/retry_policy.h"

namespace slicemill::controller {

struct WorkerCounts {
  std::uint64_t joined = 0, reconnected = 0, disconnected = 0;  // since this controller began
  std::uint64_t connected = 0, active = 0;                      // now; active: at least one lease
};

class Dispatcher {
 public:
  struct Hooks {
    std::function<void(ActiveSlice, const wire::SliceResult&)> on_result;
    std::function<void(const SliceSpan&, const wire::SliceResult&)> on_span_completed;  // the result of all of them
    std::function<void(ActiveSlice, const std::string& cause)>
        on_crash;                                                // the one slice that the dead worker had begun
    std::function<void()> on_refused;                            // a stale result
    std::function<void(const std::vector<Remark>&)> on_remarks;  // of any result, before it is acknowledged
    std::function<void()> on_change;                             // workers or leases changed: is there something to do?
    std::function<void(const Error&)> on_fatal;                  // a worker cannot run this job at all
    std::function<void(const ProcessIdentity&, const std::string&)> on_lost;  // silent: ask the parent to replace it
    // Attempts of earlier controllers that go on, and attempts that died with their workers: what they staged is wanted
    // or not.
    std::function<void(const SliceKey&, const Attempt&)> on_adopted;
    std::function<void(const std::vector<std::pair<SliceKey, Attempt>>&)> on_attempts_lost;
  };
  struct Options {
    std::uint64_t epoch = 1;
    std::vector<std::string> lineage;
    std::string job;  // execution document for the workers
    ProcessIdentity controller;
    std::string log_level = "info";
    ExecutionSettings settings;
    std::uint32_t expected_workers = 0;  // of an earlier controller
    RetryPolicy retries;
    SpeculationPolicy speculation;
    bool looks_at_pulses = false;  // workers are processes of this machine
  };

  Dispatcher(Loop& loop, ServerChannel& channel, ProcessMonitor* monitor, SliceQueue& queue, LedgerWriter& writer,
             Options options, Hooks hooks);

  // Gives waiting slices to workers with credit, if dispatch is open.
  void pump();
  void set_open(bool open);
  // Takes back every slice that no worker has begun.
  void recall_all();
  // Asks every worker to finish what it runs and go; those that come later too.
  void dismiss_all();
  // A level: so many workers may stay. Those beyond it are asked to go, idle ones first, whoever comes and whenever.
  void set_workers(std::uint64_t wanted);
  // The deadline: workers that still hold a lease are killed; their slices are returned, the leases are over.
  std::vector<ActiveSlice> break_leases();
  void kill_all();
  void set_log_level(const std::string& level);
  const std::string& log_level() const { return options_.log_level; }
  // From the parent of a dead worker.
  void on_exit_cause(std::int64_t pid, const std::string& cause);
  // Slices that killed a worker run alone.
  void push_isolated(ActiveSlice slice);

  std::size_t leased() const { return leases_.size(); }
  std::size_t isolated() const { return isolated_.size() + awaiting_cause_.size(); }
  std::size_t workers() const { return workers_.size(); }
  // Known workers of an earlier controller are still awaited; afterwards nothing of theirs is adopted any more.
  bool reattaching() const { return waiting_for_known_; }
  WorkerCounts counts() const;
  SpeculationCounts speculation() const { return speculation_ ? speculation_->counts : SpeculationCounts(); }
  // Attempts that nobody wants any more and that still run.
  std::size_t revoked() const { return speculation_ ? speculation_->revoked.size() : 0; }
  // Nothing else is left to wait for: workers that do not let go of them are killed.
  void end_revoked();
  // How many slices should wait ready so that no worker starves.
  std::uint64_t wanted_ahead() const;
  // The same for slices that can be made at any time: three per worker, more only of slices so small that a worker is
  // through with them before the next ones are durable.
  std::uint64_t least_ahead() const;

 private:
  using WorkerNumber = LeaseTable::WorkerNumber;
  struct Worker {
    WorkerNumber number = 0;
    std::string id;
    ServerChannel::Peer peer = 0;
    ProcessIdentity process;
    std::string marker_path;
    std::unique_ptr<ProcessWatch> watch;
    SteadyTime heard;
    std::unique_ptr<PulseView> pulse;  // looked at, beside what is heard
    std::uint64_t outstanding = 0;
    double slice_us = 0;  // moving average; 0: not known yet
    bool leaving = false;
    bool blocked = false;  // its buffer was full: no orders until it is heard of again
    bool untold = false;   // and so it missed one of the levels below
    // What it is told until its heartbeats say that it knows (dispatcher_levels.cc).
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
  };
  struct AwaitingCause {
    ActiveSlice slice;
    Loop::TimerId timer = 0;
  };

  void on_frame(ServerChannel::Peer peer, std::string_view frame);
  void on_hello(ServerChannel::Peer peer, wire::Hello& hello);
  Worker& welcome_back_or_new(ServerChannel::Peer peer, const wire::Hello& hello);
  bool may_adopt(const Attempt& attempt) const;
  void adopt_results(Worker& worker, wire::Hello& hello);
  std::vector<wire::HeldSlice> adopt_held(Worker& worker, const wire::Hello& hello);
  void on_results(Worker& worker, wire::Results& results);
  void take_result(Worker& worker, const wire::SliceResult& result);
  void take_span_result(Worker& worker, const wire::SliceResult& result);
  // Measures the worker by it.
  void slices_done(Worker& worker, const wire::SliceResult& result);
  bool holds(const Worker& worker, const SliceKey& key, const Attempt& attempt) const;
  void on_recalled(Worker& worker, const wire::Recalled& recalled);
  void on_goodbye(Worker& worker, const std::string& reason);
  void on_exit(WorkerNumber number, ProcessExit exit);
  void on_pulse(Worker& worker, const wire::Pulse& pulse);
  void on_silence();
  void charge(ActiveSlice slice, pid_t pid, const ProcessExit& exit);
  void acknowledge(Worker& worker, std::uint64_t seq);
  void recall(Worker& worker, std::uint64_t keep);
  void tell(Worker& worker, const wire::Message& level);
  void tell_again(Worker& worker);
  void tell_cancelled(Worker& worker);
  void on_heartbeat(Worker& worker, const wire::Heartbeat& beat);
  void dismiss_surplus();
  void requeue(ActiveSlice slice);
  // Ends the worker's leases; they go back to the queue.
  std::vector<std::pair<SliceKey, Attempt>> release_leases(WorkerNumber number);
  void forget(WorkerNumber number);
  std::uint64_t credit(const Worker& worker) const;
  void ordered(Worker& worker);
  bool give(Worker& worker, std::uint64_t count);
  // Up to `count` waiting slices, as orders; how many. They are taken out of the queue.
  struct Given {
    std::vector<ActiveSlice> singles;
    std::vector<SliceSpan> spans;
    std::uint64_t slices = 0;
  };
  Given take_waiting(std::uint64_t count, wire::Dispatch& dispatch);
  void take_span(SliceSpan span, wire::Dispatch& dispatch, std::size_t& bytes, Given& given);
  wire::SliceOrder order_of(const ActiveSlice& slice) const;
  Attempt first_attempt() const { return {options_.epoch, 1}; }
  void give_isolated(Worker& worker);
  void dismiss(Worker& worker);
  void help_idle();
  void speculate();
  static void begins(Worker& worker, SteadyTime now) {
    worker.since = now;
    worker.doubled = worker.slow = false;
  }
  void give_double(Worker& slow, Worker& idle);
  bool is_second_attempt(const Worker& worker, const SliceKey& key, const Attempt& attempt) const;
  bool take_of_two(Worker& worker, const wire::SliceResult& result);
  bool drop_double(Worker& worker, const wire::HeldSlice& held);
  void drop_second_attempts(WorkerNumber number, const std::vector<wire::HeldSlice>& kept,
                            std::vector<std::pair<SliceKey, Attempt>>& lost);
  std::uint64_t second_attempts_of(WorkerNumber number) const;
  void promote(const SliceKey& key);
  void revoke(const SliceKey& key, const Attempt& attempt, WorkerNumber number);
  void kill_revoked(WorkerNumber number);
  ServerChannel::Sent send(Worker& worker, const wire::Message& message);
  Worker* by_peer(ServerChannel::Peer peer);

  Loop& loop_;
  ServerChannel& channel_;
  ProcessMonitor* monitor_;
  SliceQueue& queue_;
  LedgerWriter& writer_;
  Options options_;
  Hooks hooks_;
  std::map<WorkerNumber, Worker> workers_;
  std::unordered_map<ServerChannel::Peer, WorkerNumber> peers_;
  LeaseTable leases_;
  std::deque<ActiveSlice> isolated_;
  std::map<std::int64_t, AwaitingCause> awaiting_cause_;  // by pid
  std::map<std::int64_t, std::string> causes_;            // told before we saw the death
  std::unique_ptr<Speculation> speculation_;              // nullptr: no slice runs twice
  WorkerCounts totals_;
  WorkerNumber next_worker_ = 1;
  SteadyTime silence_due_;  // when it is looked for next
  bool open_ = false;
  bool waiting_for_known_ = false;
  bool dismissing_ = false;
  std::uint64_t wanted_workers_ = 0;  // 0: as many as come
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
