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
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/commands.h"
#include "core/model/execution.h"
#include "core/runtime/loop.h"
#include "master/executions/adoption.h"
#include "master/executions/controller_launches.h"
#include "master/executions/controller_reports.h"
#include "master/executions/executions_options.h"
#include "master/executions/live_executions.h"
#include "master/executions/silence_watch.h"
#include "master/executions/slot_planning.h"
#include "master/executions/status_writer.h"
#include "master/processes/controller_links.h"
#include "master/processes/process_journal.h"
#include "master/processes/supervisor.h"
#include "master/registry/registry.h"

namespace slicemill::master {

class Executions final : public SupervisorEvents {
 public:
  Executions(Loop& loop, Registry& registry, Launcher& launcher, std::unique_ptr<ServerChannel> channel,
             ExecutionsOptions options);

  // Launcher::no_cpu_limit.
  const std::string& no_cpu_limit() const { return launches_.no_cpu_limit(); }

  // ---- life ----
  // The planner decides, then the creation (and the job, if it is new) is written with what it decided; answers when
  // that is durable, and only then something is started. The execution counts as living from the call on.
  void create(ExecutionRow row, std::optional<JobRow> job, std::function<void(Result<void>)> done);
  // One event of the table; false: it means nothing in the present status.
  bool change(LiveExecution& live, ExecutionEvent event, const std::string& reason);
  // The table's shortest way to `status`; false: there is none.
  bool follow(LiveExecution& live, ExecutionStatus status, const std::string& reason);
  // Runs `task` once everything that changed so far is durable: at once if it is.
  void when_durable(LiveExecution& live, std::function<void()> task) { writer_.when_durable(live, std::move(task)); }
  // Another number of wanted workers: durable, then the planner and the supervisor act on it.
  void want_workers(LiveExecution& live, std::int64_t count);
  // Another log level, for the controller and all of its workers, whoever of them is there now.
  void set_log_level(LiveExecution& live, const std::string& level);
  // After a restart of the master.
  Adoption& adoption() { return adoption_; }
  // Runs `task` once the notes of the processes are durable, as far as that can be.
  void when_processes_noted(std::function<void()> task) { journal_.when_written(std::move(task)); }
  // Who gets slots is decided anew, once for all that happens in one turn of the loop.
  void plan() { slots_.plan(); }
  // The wanted workers and the log level, to its controller. A level: told again at the controller's hello, and while
  // its reports say something else.
  void tell_wanted(const LiveExecution& live);
  // There is progress to show, and: it is shown from now on.
  void note_progress() { has_new_progress_ = true; }
  void show_progress();
  // From now on nothing is admitted.
  void close_admission() { slots_.close(); }

  // ---- views ----
  LiveExecutions& live() { return live_; }
  LiveExecution* find(const ExecutionId& id) { return live_.find(id); }
  const LiveExecution* find_by_job(const JobId& id) const { return live_.find_by_job(id); }
  std::vector<const LiveExecution*> all() const;  // in order of creation
  std::string live_reason(const ExecutionId& id) const { return live_.live_reason(id); }
  // How far it is, as its controller said last; nothing if that is not known.
  std::optional<Progress> live_progress(const ExecutionId& id) const;
  // A higher one whenever live_reason() may say something else, and once a second if live_progress() does.
  std::uint64_t reasons_revision() const { return live_.revision(); }
  // The status to show. The durable one, unless nothing can be made durable at present: then a live one that promises
  // nothing (a lease, like all live ones) is nearer to the truth.
  ExecutionStatus shown_status(const ExecutionRow& row) const;
  // Why nothing can be recorded at present; "" if all is well.
  std::string obstacle() const;
  ControllerLinks& links() { return links_; }
  const ControllerLinks& links() const { return links_; }
  Supervisor& supervisor() { return supervisor_; }
  const Supervisor& supervisor() const { return supervisor_; }
  const ClusterTotals& totals() const { return reports_.totals(); }
  ControllerReports& reports() { return reports_; }
  ControllerLaunches& launches() { return launches_; }
  const ExecutionsOptions& options() const { return options_; }

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
  void end(LiveExecution& live);
  void start_processes(LiveExecution& live);

  // Many members, as this is where the parts of an execution's life meet; each has a job of its own.
  Loop& loop_;
  Registry& registry_;
  const ExecutionsOptions options_;
  LiveExecutions live_;
  StatusWriter writer_;
  ControllerLaunches launches_;
  ProcessJournal journal_;
  Supervisor supervisor_;
  ControllerReports reports_;
  ControllerLinks links_;
  Adoption adoption_;
  SlotPlanning slots_;
  SilenceWatch silence_;
  bool has_new_progress_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
