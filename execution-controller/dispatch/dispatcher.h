// WHERE A SLICE TRAVELS. Leases: what goes to whom, and what comes back, also when somebody dies. Who is there is told
// by WorkerTable, how much a worker may hold by credit.h. Loop thread.
//
// A dispatched slice is leased to one worker under one attempt; only that attempt's result is taken, everything else is
// refused and counted.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/model/launch.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/wire/channel.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/dispatch/crash_charge.h"
#include "execution-controller/dispatch/lease_table.h"
#include "execution-controller/dispatch/slice_queue.h"
#include "execution-controller/dispatch/speculation.h"
#include "execution-controller/dispatch/worker_table.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/retry_policy.h"

namespace slicemill::controller {

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
  // The deadline: workers that still hold a lease are killed; their slices are returned, the leases are over.
  std::vector<ActiveSlice> break_leases();
  // From the parent of a dead worker.
  void on_exit_cause(std::int64_t pid, const std::string& cause) { charge_.told(pid, cause); }
  // Slices that killed a worker run alone.
  void push_isolated(ActiveSlice slice);

  std::size_t leased() const { return leases_.size(); }
  std::size_t isolated() const { return isolated_.size() + charge_.waiting(); }
  WorkerTable& workers() { return workers_; }
  const WorkerTable& workers() const { return workers_; }
  // Known workers of an earlier controller are still awaited; afterwards nothing of theirs is adopted any more.
  bool reattaching() const { return waiting_for_known_; }
  Speculation* speculation() { return speculation_.get(); }  // nullptr: no slice runs twice
  const Speculation* speculation() const { return speculation_.get(); }
  // How many slices should wait ready so that no worker starves.
  std::uint64_t wanted_ahead() const;
  // The same for slices that can be made at any time: three per worker, more only of slices so small that a worker is
  // through with them before the next ones are durable.
  std::uint64_t least_ahead() const;

 private:
  // From the workers.
  void on_frame(ServerChannel::Peer peer, std::string_view frame);
  void on_hello(ServerChannel::Peer peer, wire::Hello& hello);
  bool may_adopt(const Attempt& attempt) const;
  void adopt_results(Worker& worker, wire::Hello& hello);
  std::vector<wire::HeldSlice> adopt_held(Worker& worker, const wire::Hello& hello);
  void on_results(Worker& worker, wire::Results& results);
  void take_result(Worker& worker, const wire::SliceResult& result);
  void take_span_result(Worker& worker, const wire::SliceResult& result);
  // Measures the worker by it.
  void slices_done(Worker& worker, const wire::SliceResult& result);
  void on_recalled(Worker& worker, const wire::Recalled& recalled);
  void on_goodbye(Worker& worker, const std::string& reason);
  void on_exit(const Worker& worker, const ProcessExit& exit);

  bool holds(const Worker& worker, const SliceKey& key, const Attempt& attempt) const;
  void requeue(ActiveSlice slice);
  // One of its attempts came back, or is known never to have arrived.
  bool drop_second_attempt(Worker& worker, const wire::HeldSlice& held) {
    return speculation_ && speculation_->drop(worker, held);
  }
  // Ends the worker's leases; they go back to the queue.
  std::vector<std::pair<SliceKey, Attempt>> release_leases(WorkerNumber number);

  // To the workers.
  std::uint64_t credit(const Worker& worker) const;
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
  bool order(Worker& worker, const ActiveSlice& slice, const Attempt& attempt);
  void passed(const char* fault_point);
  void give_isolated(Worker& worker);
  void help_idle();
  WorkerTable::Hooks table_hooks();
  Speculation::Hooks speculation_hooks();

  Loop& loop_;
  ServerChannel& channel_;
  SliceQueue& queue_;
  LedgerWriter& writer_;
  const Options options_;
  const Hooks hooks_;
  LeaseTable leases_;
  std::deque<ActiveSlice> isolated_;
  CrashCharge charge_;
  WorkerTable workers_;
  std::unique_ptr<Speculation> speculation_;  // nullptr: no slice runs twice
  bool open_ = false;
  bool waiting_for_known_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
