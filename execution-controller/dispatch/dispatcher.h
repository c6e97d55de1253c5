// WHERE A SLICE TRAVELS. Takes what workers say, and puts the parts of dispatch together: WorkerTable (who is there),
// WorkerLevels (what each is told until it obeys), SliceAssigner (what goes to whom), SliceReturns (what comes back,
// also when somebody dies), Reattachment (who comes back after a crash) and Speculation (what runs twice). Loop thread.
//
// A dispatched slice is leased to one worker under one attempt; only that attempt's result is taken, everything else is
// refused and counted.
#pragma once

#include <cstdint>
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
#include "execution-controller/dispatch/lease_table.h"
#include "execution-controller/dispatch/reattachment.h"
#include "execution-controller/dispatch/slice_assigner.h"
#include "execution-controller/dispatch/slice_queue.h"
#include "execution-controller/dispatch/slice_returns.h"
#include "execution-controller/dispatch/speculation.h"
#include "execution-controller/dispatch/worker_levels.h"
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
    std::function<void(const SliceAttempts&)> on_attempts_lost;
    // Calls back once all that on_result and the like were told so far is durable: it may be acknowledged then.
    std::function<void(std::function<void()>)> after_recorded;
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
  void look_again();
  void set_open(bool open);
  // Takes back every slice that no worker has begun.
  void recall_all() { assigner_.recall_all(); }
  // The deadline: workers that still hold a lease are killed; their slices are returned, the leases are over.
  std::vector<ActiveSlice> break_leases();
  // From the parent of a dead worker.
  void on_exit_cause(std::int64_t pid, const std::string& cause) { returns_.on_exit_cause(pid, cause); }
  // Slices that killed a worker run alone.
  void push_isolated(ActiveSlice slice);

  std::size_t leased() const { return leases_.size(); }
  std::size_t isolated() const { return assigner_.isolated() + returns_.waiting(); }
  WorkerTable& workers() { return workers_; }
  const WorkerTable& workers() const { return workers_; }
  WorkerLevels& levels() { return levels_; }
  // Known workers of an earlier controller are still awaited; afterwards nothing of theirs is adopted any more.
  bool reattaching() const { return reattachment_.waiting(); }
  Speculation* speculation() { return speculation_.get(); }  // nullptr: no slice runs twice
  const Speculation* speculation() const { return speculation_.get(); }
  std::uint64_t wanted_ahead() const { return assigner_.wanted_ahead(); }
  std::uint64_t least_ahead() const { return assigner_.least_ahead(); }

 private:
  void changed();
  void on_frame(ServerChannel::Peer peer, std::string_view frame);
  void on_hello(ServerChannel::Peer peer, wire::Hello& hello);
  void adopt_results(Worker& worker, wire::Hello& hello);
  std::vector<wire::HeldSlice> adopt_held(Worker& worker, const wire::Hello& hello);
  void on_results(Worker& worker, wire::Results& results);
  void on_recalled(Worker& worker, const wire::Recalled& recalled);
  void on_goodbye(Worker& worker, const std::string& reason);
  WorkerTable::Hooks table_hooks();
  WorkerLevels::Hooks level_hooks();
  std::unique_ptr<Speculation> make_speculation();

  // 13 members, since the stations of dispatch are put together here.
  Loop& loop_;
  ServerChannel& channel_;
  const Options options_;
  const Hooks hooks_;
  LeaseTable leases_;
  WorkerTable workers_;
  WorkerLevels levels_;
  SliceAssigner assigner_;
  std::unique_ptr<Speculation> speculation_;  // nullptr: no slice runs twice
  SliceReturns returns_;
  Reattachment reattachment_;
  bool looks_again_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
