// THE WAY OF A SLICE, put together: work_sources create or replay it, slice_queue keeps it, dispatcher brings it to a
// worker and back, settlement records it, ledger_writer makes that durable, execution_output makes it visible. Loop
// thread.
//
// What is decided about the execution as a whole (phases, verbs, its end) is the controller's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/end_reason.h"
#include "core/model/launch.h"
#include "core/model/remark.h"
#include "core/outputs/output_publisher.h"
#include "execution-controller/controller_parts.h"
#include "execution-controller/dispatch/dispatcher.h"
#include "execution-controller/dispatch/slice_queue.h"
#include "execution-controller/reporting/analytics.h"
#include "execution-controller/settlement/execution_output.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/settlement.h"
#include "execution-controller/sources/work_sources.h"

namespace slicemill::controller {

class SliceFlow {
 public:
  struct Hooks {
    std::function<void()> on_change;
    std::function<void(const Result<void>&)> on_ready;   // see WorkSources
    std::function<void(const Result<void>&)> on_joined;  // the output, see join()
    std::function<void()> on_slice_failed;               // for good; durable
    std::function<void(const Error&)> on_obstacle;
    std::function<void(const EndReason&)> on_fatal;      // the job cannot go on
    std::function<void(const Error&)> on_ledger_failed;  // nothing can be recorded any more
    std::function<void(const ProcessIdentity&, const std::string&)> on_worker_lost;
    std::function<void(const std::string&)> on_notice;  // of the source
  };

  // Everything outlives it.
  SliceFlow(const ControllerParts& parts, const ControllerLaunch& launch, SliceLedger& ledger,
            std::unique_ptr<OutputPublisher> publisher, Hooks hooks);

  // At opening, before the first worker is heard: what workers hold must be found in the queue.
  Result<void> load();
  // The directories of the output are made ready; then what was committed is published; then, unless it drains by then,
  // on_ready is called as soon as slices may be asked for. has_begun: under an earlier controller, or in an execution
  // that it recovers.
  void begin(bool has_begun);

  // Slices are cut and dispatched as far as workers have use for them. may_dispatch: others know of the ledger.
  void feed(bool may_dispatch);
  // The slicers open if all stored slices are through.
  void slice_on();
  // Nothing is dispatched, and what no worker has begun comes back.
  void hold();
  // The obstacle is gone.
  void go_on();
  // Nothing new is cut or tried again, and workers are told to go. What runs may finish.
  void drain();
  // The deadline of a drain has passed: workers are killed, their slices stay open.
  void break_off();
  // At the end of a drain that leaves slices open: nothing of them is committed from now on. False: `then` is called
  // later, and it is asked again. unfenced() says why it could not be done, if so.
  bool fence_rest(const std::function<void()>& then);
  const std::string& unfenced() const { return unfenced_; }
  // The same for outputs that cannot be published now.
  void leave_unpublished();

  // Stored slices of earlier executions run.
  bool is_replaying() const { return sources_->replays() && !sources_->slicers_decided() && work_left(); }
  bool all_done() const;
  // Of a drain: nothing is under way any more, but for what waits for an obstacle. past_deadline: workers that are
  // still there count for nothing.
  bool is_drained(bool past_deadline) const;
  bool nothing_in_progress() const { return settlement_->in_progress() == 0; }
  // Of what is drained: there is nothing that it would have to leave open.
  bool leaves_nothing_open() const;
  // A recovery of one cleanup type may leave slices to others.
  bool all_of_lineage_done() const;
  // All that is committed is published, or will be before the end.
  bool publishes_all() const { return committed_.empty(); }
  const Remarks& remarks() const { return remarks_; }

  LedgerWriter& writer() { return *writer_; }
  const LedgerWriter& writer() const { return *writer_; }
  Settlement& settlement() { return *settlement_; }
  const Settlement& settlement() const { return *settlement_; }
  Dispatcher& dispatcher() { return *dispatcher_; }
  const Dispatcher& dispatcher() const { return *dispatcher_; }
  const WorkSources& sources() const { return *sources_; }
  ExecutionOutput& output() { return *output_; }
  const SliceQueue& queue() const { return queue_; }
  const Analytics& analytics() const { return analytics_; }

 private:
  void output_failed(const Error& error);
  void make_writer();
  void make_settlement();
  void make_dispatcher();
  void make_sources();
  void roll_forward();
  bool work_left() const;
  void take_remarks(const std::vector<Remark>& remarks);

  // 20 members, since this class is where the stations meet: seven of them, what they are made from, and what is
  // between them.
  const ControllerParts& parts_;
  const ControllerLaunch& launch_;
  SliceLedger& ledger_;
  const Hooks hooks_;
  Analytics analytics_;
  SliceQueue queue_;
  std::unique_ptr<LedgerWriter> writer_;
  std::unique_ptr<ExecutionOutput> output_;
  std::unique_ptr<Settlement> settlement_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<WorkSources> sources_;
  Recovery::Committed committed_;  // to be rolled forward once the directories of the output are ready
  Remarks remarks_;                // as in the ledger, or about to be
  bool has_begun_ = false;
  bool drains_ = false;
  bool is_ready_ = false;  // sinks were made ready: workers may have written
  enum class Fenced : std::uint8_t { no, under_way, yes } fenced_ = Fenced::no;
  std::string unfenced_;               // why the rest could not be fenced
  std::vector<ActiveSlice> given_up_;  // by a drain: tried, and not done
  bool left_open_ = false;             // a drain gave up slices that had begun, or were to be tried again
};

}  // namespace slicemill::controller
