// One execution's life: opens the ledger, puts the parts together, does what users and obstacles ask for as the table
// of phases allows (execution_lifecycle), and concludes. Loop thread.
//
// What slices do is in SliceFlow, what is asked of it in ControlVerbs, how it ends in Conclusion, what it tells in
// ControllerReports.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"
#include "core/model/launch.h"
#include "core/outputs/output_publisher.h"
#include "execution-controller/conclusion.h"
#include "execution-controller/control_verbs.h"
#include "execution-controller/controller_parts.h"
#include "execution-controller/controller_reports.h"
#include "execution-controller/dispatch/worker_watch.h"
#include "execution-controller/execution_ledger.h"
#include "execution-controller/execution_lifecycle.h"
#include "execution-controller/obstacle.h"
#include "execution-controller/probation.h"
#include "execution-controller/reporting/master_link.h"
#include "execution-controller/reporting/master_requests.h"
#include "execution-controller/slice_flow.h"

namespace slicemill::controller {

class Controller {
 public:
  using Parts = ControllerParts;

  // Opens (or creates, or recovers) the ledger, so that a conflict is known before anything runs.
  static Result<std::unique_ptr<Controller>> open(const Parts& parts, const ControllerLaunch& launch);
  ~Controller();

  // on_finished is called once, when the outcome is durable and, with a master, told.
  void start(std::function<void(ControllerOutcome)> on_finished);

  // Verbs. Idempotent; `done` is called when the wish is durable and takes effect (I8).
  using Done = ControlVerbs::Done;
  void pause(Done done) { verbs_.pause(std::move(done)); }
  void resume(Done done) { verbs_.resume(std::move(done)); }
  void stop(std::int64_t deadline_ms, Done done) { verbs_.stop(deadline_ms, std::move(done)); }
  // Drains and ends this process's part without an outcome: the ledger can be resumed as if the process had died.
  void suspend(std::int64_t deadline_ms) { verbs_.suspend(deadline_ms); }

  // After an outcome with a ledger error: somebody else speaks to the master from now on. Workers are still answered,
  // and nothing is taken from them.
  void leave_master() { link_.reset(); }

  ExecutionStatus status() const;
  // Looks at what was done since the last call: the rates are from that.
  StatusReport report();
  const SliceCounters& durable_counters() const { return flow_->writer().durable_counters(); }

 private:
  using Event = LifecycleEvent;

  // As the master says.
  struct Told {
    bool ledger_noted = false;         // the registry knows of the ledger: slices may go out
    bool workers_wait = false;         // for an obstacle: none can be started
    std::uint64_t wanted_workers = 0;  // 0: nothing said; see wire::Wanted
  };
  // What leads to the next step, and what was reported of it.
  struct Steps {
    bool scheduled = false;
    std::uint64_t taken = 0;  // every change of what is reported leads to one
    std::uint64_t reported = 0;
    ExecutionStatus shown = ExecutionStatus::initializing;
  };

  Controller(const Parts& parts, const ControllerLaunch& launch, ExecutionLedger ledger,
             std::unique_ptr<OutputPublisher> publisher);

  SliceFlow::Hooks flow_hooks();
  WorkerWatch::Hooks watch_hooks();
  Conclusion::Hooks conclusion_hooks();
  void make_link();

  void sources_ready(const Result<void>& opened);
  void step_soon();
  void step();                    // something changed: refill, dispatch, or conclude
  void fail(const Error& error);  // the job cannot go on

  void output_obstructed(const Error& error);
  void obstacle_raised();
  void obstacle_cleared();

  void on_wanted(const wire::Wanted& wanted);
  void look_after_ledger();
  ControllerReports::Present present() const;
  void report_soon();

  // 17 members, since here the parts are put together: eleven of them, and what is known of the execution as a whole.
  const Parts parts_;
  const ControllerLaunch launch_;
  const ExecutionLedger ledger_;
  ExecutionLifecycle lifecycle_;
  std::unique_ptr<SliceFlow> flow_;
  Probation probation_;
  Obstacle obstacle_;
  WorkerWatch worker_watch_;
  ControllerReports reports_;
  ControlVerbs verbs_;
  Conclusion conclusion_;
  MasterRequests requests_;
  std::unique_ptr<MasterLink> link_;  // nullptr: local run
  Told told_;
  Steps steps_;
  bool replay_shown_ = false;  // `recovering` was visible for min_status_ms
  std::function<void(ControllerOutcome)> on_finished_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The process body of `slicemill-controller`: returns the exit code.
int run_execution_controller(const std::string& launch_file);

}  // namespace slicemill::controller
