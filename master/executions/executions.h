// The life of every live execution: the only caller of the transition table.
//
// An event comes from a verb, from a controller's report or from a process; it is judged by next(), the new status and
// a history line are written in one batch, and when that is durable the effects follow: processes start or are
// released, callers are answered. So nobody is ever told, and nothing is ever started for, a status that a crash could
// take back. Reports of a controller are levels: the table's shortest way leads there. Ended executions leave memory;
// the registry has them.
//
// Owner: the master; loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/commands.h"
#include "core/model/execution.h"
#include "core/model/launch.h"
#include "core/runtime/loop.h"
#include "core/runtime/pulse.h"
#include "master/executions/cluster_totals.h"
#include "master/executions/start_planner.h"
#include "master/processes/controller_endpoints.h"
#include "master/processes/controller_links.h"
#include "master/processes/process_journal.h"
#include "master/processes/supervisor.h"
#include "master/registry/registry.h"

namespace slicemill::master {

// What is written of an execution first, together with what happened to it meanwhile.
struct Creation {
  ExecutionRow row;
  std::optional<JobRow> job;
  std::function<void(Result<void>)> done;
};

struct LiveExecution {
  ExecutionId ex_id;
  JobId job_id;
  ExecutionId source_ledger;  // of a recovery
  std::string name;
  std::int64_t seq = 0;
  ExecutionStatus status = ExecutionStatus::pending;          // may be ahead of the registry by one write
  ExecutionStatus durable_status = ExecutionStatus::pending;  // what anybody may be told
  std::string reason;                                         // of has_errors
  bool has_errors = false;
  std::optional<Stats> stats;        // the controller's last report; nothing: none
  std::optional<Progress> progress;  // of a report to this master; nothing: none yet
  std::int64_t failed = 0;           // slices, of that report
  std::string live_reason;           // what the controller or the supervisor says to the present status
  Shortage shortage;                 // what the planner says
  std::string slots_reason;          // the same in words
  std::string workers_reason;        // why no worker can be started
  std::string reported_reason;       // of the controller's last report
  bool stalled = false;              // live_reason is about silence
  std::int64_t wanted = 1;           // workers asked for
  std::int64_t granted = 0;          // workers it has slots for: the controller is told, see tell_wanted
  std::string log_level;             // as somebody set it while it lives; "": as the job says
  std::uint64_t epoch = 0;           // last one issued
  bool has_unused_epoch = false;     // that one is durable, and no controller was started with it
  SteadyTime last_heard;             // from its controller, or the controller's start
  std::unique_ptr<PulseView> pulse;  // of its controller, looked at beside what is heard
  bool met_controller = false;       // one said hello: slices may have run
  bool has_ledger = false;           // durable: it was made, so one that is not there is lost
  bool notes_ledger = false;         // that is being written
  bool silence_punished = false;     // killed for silence; waiting for its successor
  std::optional<SteadyTime> stop_by;
  bool stop_is_heard = false;  // by its controller
  int overdue_stops = 0;
  bool decided = false;      // its ledger has the outcome, which a controller has yet to tell
  bool kill_at_end = false;  // given up: nobody is left who would let the workers go
  std::vector<Reply<StopAnswer>> stop_waiters;

  // ---- writing ----
  WallMs updated = 0;
  std::optional<Creation> creation;  // until it is durable: nobody was told of the execution yet
  bool writing = false;
  bool dirty = false;  // changed since the write that is under way
  std::vector<HistoryRow> lines;
  std::vector<ExecutionEffect> effects;
  std::vector<std::function<void()>> afters;  // once all of the above is durable
};

struct ExecutionsOptions {
  DataLayout layout;
  std::int64_t slots = 8;
  ExecutionSettings settings;
  std::string log_level = "info";
  std::vector<std::pair<std::string, std::string>> environment = {};  // of all processes; a job's own goes before
  WorkerTransport worker_transport = {};
  std::optional<ProcessIdentity> process = {};  // this one, if it may look at the pulses of controllers
};

// What controllers and workers have in their environment beside the master's own: a job's variables go before.
Environment process_environment(Environment of_job, const Environment& of_master, std::string_view log_level);

class Executions final : public ControllerEvents, public SupervisorEvents {
 public:
  Executions(Loop& loop, Registry& registry, Launcher& launcher, std::unique_ptr<ServerChannel> channel,
             ExecutionsOptions options);
  ~Executions() override;

  // Launcher::no_cpu_limit.
  const std::string& no_cpu_limit() const { return no_cpu_limit_; }

  // ---- life ----
  // The planner decides, then the creation (and the job, if it is new) is written with what it decided; answers when
  // that is durable, and only then something is started. The execution counts as living from the call on.
  void create(ExecutionRow row, std::optional<JobRow> job, std::function<void(Result<void>)> done);
  // One event of the table; false: it means nothing in the present status.
  bool change(LiveExecution& live, ExecutionEvent event, const std::string& reason);
  // The table's shortest way to `status`; false: there is none.
  bool follow(LiveExecution& live, ExecutionStatus status, const std::string& reason);
  // Runs `task` once everything that changed so far is durable: at once if it is.
  void when_durable(LiveExecution& live, std::function<void()> task);
  // Another number of wanted workers: durable, then the planner and the supervisor act on it.
  void want_workers(LiveExecution& live, std::int64_t count);
  // Another log level, for the controller and all of its workers, whoever of them is there now.
  void set_log_level(LiveExecution& live, const std::string& level);
  // After a restart of the master: what the registry says was alive. Outcomes that ledgers already hold are adopted.
  Result<void> adopt_all();
  // The same where the data directory has moved: the processes that live know their files by the old path, so others
  // take their place.
  Result<void> adopt_moved(const std::string& former_path);
  // The data directory is a copy: processes and outputs that its registry names are those of the original, and none of
  // them is touched. What lives there has ended here.
  Result<void> disown_all(const std::string& former_path);
  // Runs `task` once the notes of the processes are durable, as far as that can be.
  void when_processes_noted(std::function<void()> task) { notes_.when_written(std::move(task)); }
  // From now on nothing is admitted.
  void close_admission() { admitting_ = false; }

  // ---- views ----
  LiveExecution* find(const ExecutionId& id);
  const LiveExecution* find_by_job(const JobId& id) const;
  std::vector<const LiveExecution*> all() const;  // in order of creation
  std::string live_reason(const ExecutionId& id) const;
  // How far it is, as its controller said last (JSON); "" if that is not known.
  std::optional<Progress> live_progress(const ExecutionId& id) const;
  // A higher one whenever live_reason() may say something else, and once a second if live_progress() does.
  std::uint64_t reasons_revision() const { return reasons_revision_; }
  // The status to show. The durable one, unless nothing can be made durable at present: then a live one that promises
  // nothing (a lease, like all live ones) is nearer to the truth.
  ExecutionStatus shown_status(const ExecutionRow& row) const;
  // Why nothing can be recorded at present; "" if all is well.
  std::string obstacle() const;
  ControllerLinks& links() { return links_; }
  const ControllerLinks& links() const { return links_; }
  Supervisor& supervisor() { return supervisor_; }
  const Supervisor& supervisor() const { return supervisor_; }
  const ClusterTotals& totals() const { return totals_; }
  const ExecutionsOptions& options() const { return options_; }

  // ---- ControllerEvents ----
  bool on_hello(const wire::ControllerHello& hello) override;
  void on_connected(const ExecutionId& id) override;
  void on_status(const ExecutionId& id, const wire::Status& status) override;
  void on_finished(const ExecutionId& id, const wire::Finished& finished) override;
  void on_worker_lost(const ExecutionId& id, const wire::WorkerLost& lost) override;
  void on_ledger_made(const ExecutionId& id, const wire::LedgerMade& made) override;
  void on_pulse(const ExecutionId& id, const wire::Pulse& pulse) override;

  // ---- SupervisorEvents ----
  void prepare_controller(const ExecutionId& id, std::function<void(Result<std::uint64_t>)> ready) override;
  void process_started(const ProcessRow& process) override;
  void process_gone(const ProcessRow& process, const ProcessExit& exit, bool expected) override;
  void controller_restarts(const ExecutionId& id, const std::string& reason) override;
  void controller_waits(const ExecutionId& id, const std::string& reason) override;
  void workers_wait(const ExecutionId& id, const std::string& reason) override;
  void gave_up(const ExecutionId& id, const std::string& reason) override;
  void group_gone(const ExecutionId& id) override;

 private:
  struct Written;

  LiveExecution& insert(const ExecutionRow& row);
  void persist(LiveExecution& live);
  Result<EpochRow> next_epoch(LiveExecution& live);
  std::unique_ptr<LiveExecution> take_out(const ExecutionId& id);
  void fail_creation(const ExecutionId& id, const Error& error);
  void write_again(LiveExecution& live, const Written& written, const Error& error);
  void persisted(const ExecutionId& id, const std::shared_ptr<Written>& written, const Result<void>& result);
  void end(LiveExecution& live);
  void plan();
  void apply(LiveExecution& live, const Grant& grant);
  void start_processes(LiveExecution& live);
  Result<GroupSpec> group_spec(const LiveExecution& live);
  void write_launch(const ExecutionId& id, const std::function<void(Result<std::uint64_t>)>& ready);
  Result<std::string> launch_text(const ExecutionId& id, const LiveExecution* live);
  void explain(LiveExecution& live, std::string reason);
  void set_reason(std::string& present, std::string reason);
  void tell_wanted(const LiveExecution& live);
  void note_ledger(LiveExecution& live);
  void take_report(LiveExecution& live, const std::optional<Stats>& stats, const std::string& reason);
  void tick();
  void check_silence(LiveExecution& live);
  void check_overdue(LiveExecution& live);
  void adopt(LiveExecution& live, const std::vector<ProcessRow>& known);
  void sweep_notes();
  void consult_ledger(const ExecutionId& id);
  void act_on_ledger(const ExecutionId& id, const Result<bool>& decided);
  void release_leftovers(const std::map<ExecutionId, std::vector<ProcessRow>>& known);

  Loop& loop_;
  Registry& registry_;
  ExecutionsOptions options_;
  std::map<ExecutionId, std::unique_ptr<LiveExecution>> live_;
  std::map<std::int64_t, LiveExecution*> by_creation_;  // the same, by sequence number
  ClusterTotals totals_;
  ProcessJournal notes_;
  ControllerEndpoints endpoints_;
  const std::string no_cpu_limit_;
  Supervisor supervisor_;
  ControllerLinks links_;
  std::uint64_t reasons_revision_ = 1;
  bool has_new_progress_ = false;
  bool admitting_ = true;
  std::string moved_from_;  // where the data directory was before this start; "": it has not moved
  bool planning_ = false;
  Loop::TimerId tick_timer_ = 0;
  SteadyTime ticked_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
