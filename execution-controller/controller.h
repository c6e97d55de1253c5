// One execution's life: opens the ledger, wires source, dispatcher, settlement and recovery together, owns pause,
// resume and stop, and concludes. Loop thread.
//
// A slice's way: slice_source (created) -> slice_queue -> dispatcher (travels) -> settlement (recorded); recovery
// replays.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"
#include "core/model/launch.h"
#include "core/model/remark.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/files.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/wire/channel.h"
#include "execution-controller/dispatch/dispatcher.h"
#include "execution-controller/dispatch/slice_queue.h"
#include "execution-controller/dispatch/worker_watch.h"
#include "execution-controller/execution_lifecycle.h"
#include "execution-controller/obstacle.h"
#include "execution-controller/reporting/analytics.h"
#include "execution-controller/reporting/master_link.h"
#include "execution-controller/reporting/progress.h"
#include "execution-controller/reporting/progress_meter.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/output_join.h"
#include "execution-controller/settlement/quarantine_policy.h"
#include "execution-controller/settlement/settlement.h"
#include "execution-controller/settlement/staging_sweep.h"
#include "execution-controller/sources/recovery.h"
#include "execution-controller/sources/redrive.h"
#include "execution-controller/sources/slice_source.h"

namespace slicemill::controller {

struct ControllerOutcome {
  ExecutionStatus status = ExecutionStatus::completed;
  std::string reason;
  SliceCounters counters;
  std::vector<std::string> remarks{};  // that stand, of one that ran to its end (core/model/remark.h)
  std::optional<Stats> stats{};        // at its end, with their summary; nothing: it ended before
  bool suspended = false;              // no outcome: the ledger can be resumed
  std::optional<Error> obstacle;       // it suspended itself for this
  std::optional<Error>
      ledger_error;  // nothing could be recorded any more: this is not the execution's outcome, only this process's end
};

class Controller {
 public:
  struct Parts {
    Loop& loop;
    ServerChannel& workers;             // for its workers; listens once the ledger is held
    ClientChannel* master = nullptr;    // nullptr: local run
    ProcessMonitor* monitor = nullptr;  // nullptr: workers are threads of this process
    Files& files;
    LedgerStore& ledgers = rocks_ledgers();
    std::optional<ProcessIdentity> self = {};                // nothing: as the system says
    std::function<void(const std::string&)> on_notice = {};  // of the source: what was left out, and what waits
    std::uint64_t wanted_workers =
        0;                            // without a master, who says how many there are to be; 0: as many as the job says
    bool leaves_at_obstacle = false;  // nobody would wait for it: it suspends itself, see ControllerOutcome::obstacle
    bool has_pulses = false;          // master and workers are processes of this machine (core/runtime/pulse.h)
  };

  // Opens (or creates, or recovers) the ledger, so that a conflict is known before anything runs.
  static Result<std::unique_ptr<Controller>> open(const Parts& parts, const ControllerLaunch& launch);
  ~Controller();

  // on_finished is called once, when the outcome is durable and, with a master, told.
  void start(std::function<void(ControllerOutcome)> on_finished);

  // Verbs. Idempotent; `done` is called when the wish is durable and takes effect (I8).
  using Done = std::function<void(Result<ExecutionStatus>)>;
  void pause(Done done);
  void resume(Done done);
  void stop(std::int64_t deadline_ms, Done done);
  void fail(const Error& error);  // the execution cannot go on
  // Drains and ends this process's part without an outcome: the ledger can be resumed as if the process had died.
  void suspend(std::int64_t deadline_ms);

  // After an outcome with a ledger error: somebody else speaks to the master from now on. Workers are still answered,
  // and nothing is taken from them.
  void leave_master() { link_.reset(); }

  ExecutionStatus status() const;
  // Looks at what was done since the last call: the rates are from that.
  StatusReport report();
  const SliceCounters& durable_counters() const;

 private:
  using Event = LifecycleEvent;

  Controller(const Parts& parts, const ControllerLaunch& launch, std::unique_ptr<SliceLedger> ledger, bool resumed);

  void wire();
  void wire_output();
  void charge_the_dead();
  void prepare_output();
  void probe_output(const Obstacle::Answer& answer);
  void output_obstructed(const Error& error);
  void obstacle_raised();
  void obstacle_cleared();
  void open_sources();
  void begin();
  void turn();  // something changed: refill, dispatch, or conclude
  void turn_soon();
  bool all_done() const;
  bool work_left() const;
  bool all_of_lineage_done() const;
  bool replaying() const;
  void begin_slicing();
  void conclude_if_drained();
  void conclude_all_done();
  void conclude(Event event, const std::string& reason);
  void outcome_durable(ExecutionStatus status, const std::string& reason);
  void finish();
  // A user asked for what means nothing now.
  Error refusal(std::string_view what) const;
  void set_wanted(WantedState wanted, std::function<void()> then);
  void begin_drain(std::int64_t deadline_ms);
  void on_stop_deadline();
  void give_up(const std::string& reason);
  std::string quarantine_excess(bool at_end) const;
  void on_slice_error(const SliceKey& key, SliceState state);
  void probation();
  void take_remarks(const std::vector<Remark>& remarks);
  void on_verb(const wire::Verb& verb);
  void on_query(const wire::Query& query);
  void on_wanted(const wire::Wanted& wanted);
  // False: the master asks again what is under way, or was answered (it is answered again).
  bool is_new_request(std::uint64_t id);
  void answer_request(wire::Answer answer);
  // Reads `read`'s list on the query executor and answers with it.
  void answer_list(std::uint64_t request_id, std::function<Result<Json>(const SliceLedger&)> read);
  void ledger_failed(const Error& error);
  void look_after_ledger();
  Stats stats() const;
  // How much is done of how much, in which unit.
  void measure(Progress& progress) const;
  Stats stats_at_end() const;  // with the summary
  void load_first_errors();
  const FirstError* first_error() const;
  void take_notice(const std::string& notice);

  Parts parts_;
  ControllerLaunch launch_;
  JobSpec job_;
  Analytics analytics_;
  ProgressMeter meter_;
  double shown_percent_ = 0;          // it does not fall
  std::uint64_t replay_total_ = 0;    // slices that a recovery of one cleanup type found when it began
  bool counts_extents_ = true;        // the ledger has them of all that was done
  std::vector<std::string> notices_;  // of the source, as in the ledger or about to be
  QuarantinePolicy quarantine_policy_;
  std::unique_ptr<SliceLedger> ledger_;
  std::unique_ptr<OutputPublisher> publisher_;
  SliceQueue queue_;
  std::unique_ptr<LedgerWriter> writer_;
  std::unique_ptr<Settlement> settlement_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<SliceSource> source_;
  std::unique_ptr<Recovery> recovery_;
  std::unique_ptr<Redrive> redrive_;
  std::unique_ptr<WorkerWatch> worker_watch_;
  std::unique_ptr<StagingSweep> sweep_;  // nullptr: nothing is staged
  std::unique_ptr<OutputJoin> join_;     // nullptr: nothing is joined
  std::unique_ptr<Obstacle> obstacle_;
  std::unique_ptr<MasterLink> link_;
  std::function<void(ControllerOutcome)> on_finished_;

  std::map<std::uint64_t, std::optional<wire::Answer>> requests_;  // the latest; without an answer: under way
  std::uint64_t wanted_workers_ = 0;                               // as the master said, see wire::Wanted

  ExecutionLifecycle lifecycle_;
  bool ledger_noted_ = false;  // the registry knows of the ledger: slices may go out
  bool resumed_ = false;       // the ledger was there before: a restart, or a local resume
  bool slicing_ = false;       // the slicers are open, or will never be
  bool opening_slicers_ = false;
  bool cannot_resume_ = false;
  bool failing_ = false;
  bool turn_scheduled_ = false;
  bool replay_shown_ = false;  // `recovering` was visible for min_status_ms
  bool persistent_ = false;
  std::uint64_t turns_ = 0;  // every change of what is reported leads to one
  mutable std::uint64_t reported_turns_ = 0;
  bool workers_wait_ = false;      // for an obstacle: none can be started
  bool prepares_output_ = false;   // on its executor
  bool prepare_waits_ = false;     // for an obstacle: no source is open yet
  bool keeps_staging_ = false;     // it ends with committed outputs that could not be published
  Remarks remarks_;                // as in the ledger, or about to be
  Recovery::Committed committed_;  // to be rolled forward once the output directories are ready
  bool joined_ = false;            // and published
  bool left_open_ = false;         // a stop gave up slices that had begun
  bool past_deadline_ = false;
  std::optional<SteadyTime> drain_due_;
  ExecutionStatus shown_ = ExecutionStatus::initializing;
  Loop::TimerId stop_timer_ = 0;
  Loop::TimerId probation_timer_ = 0;
  std::uint64_t probation_failed_ = 0, probation_processed_ = 0;
  std::string reason_;
  ControllerOutcome outcome_;
  WallMs started_ms_ = 0;
  WallMs queuing_complete_ms_ = 0;
  WallMs finished_ms_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// What no record showed stands then: of one that was stopped the rest may show otherwise.
bool ran_to_its_end(ExecutionStatus outcome);

ProcessIdentity identity_of(const Controller::Parts& parts);

// The process body of `slicemill-controller`: returns the exit code.
int run_execution_controller(const std::string& launch_file);

}  // namespace slicemill::controller
