#include "master/executions/adoption.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/files.h"
#include "core/runtime/log.h"
#include "master/executions/executions.h"

namespace slicemill::master {

namespace {

constexpr Duration kAskAgain = std::chrono::seconds(1);
constexpr Duration kLeftoverGrace = std::chrono::seconds(5);

Result<bool> has_outcome(const std::string& directory) {
  if (!ledger_exists(directory)) return false;
  ASSIGN_OR_RETURN(const auto ledger, view_ledger(directory));
  return ledger->header().outcome.has_value();
}

}  // namespace

Result<void> Adoption::adopt_all() {
  ASSIGN_OR_RETURN(const auto rows, registry_.live_executions());
  ASSIGN_OR_RETURN(const auto processes, registry_.processes());
  std::map<ExecutionId, std::vector<ProcessRow>> known;
  for (const auto& process : processes) known[process.ex_id].push_back(process);
  for (const auto& row : rows) {
    LiveExecution& live = executions_.live().insert(row, loop_.now());
    ASSIGN_OR_RETURN(live.epoch, registry_.epoch(live.job_id));
    if (live.status != ExecutionStatus::pending) adopt(live, known[row.ex_id]);
    known.erase(row.ex_id);
  }
  release_leftovers(known);
  sweep_notes();
  executions_.plan();
  return {};
}

Result<void> Adoption::adopt_moved(const std::string& former_path) {
  moved_from_ = former_path;
  log(LogLevel::warn, "the data directory was {} before; processes that live are replaced", former_path);
  return adopt_all();
}

Result<void> Adoption::disown_all(const std::string& former_path) {
  const std::string reason = fmt::format(
      "the data directory is a copy of {}, where this execution may go on: here it has ended; recover it only if the "
      "original does not",
      former_path.empty() ? "another one" : former_path);
  log(LogLevel::warn,
      "the data directory is a copy of {}: executions that were live in it end here, none of them is resumed",
      former_path);
  ASSIGN_OR_RETURN(const auto rows, registry_.live_executions());
  ASSIGN_OR_RETURN(const auto processes, registry_.processes());
  RegistryBatch batch;
  batch.disown_staging = true;
  for (const auto& process : processes) batch.gone_processes.push_back(process.process);
  registry_.write(std::move(batch), nullptr);
  for (const auto& row : rows) {
    LiveExecution& live = executions_.live().insert(row, loop_.now());
    ASSIGN_OR_RETURN(live.epoch, registry_.epoch(live.job_id));
    executions_.change(live, live.status == ExecutionStatus::pending ? ExecutionEvent::fatal : ExecutionEvent::lost,
                       reason);
  }
  sweep_notes();
  return {};
}

// Of workers of ended executions that no master saw leave.
void Adoption::sweep_notes() {
  const auto names = posix_files().list(executions_.options().layout.marker_directories());
  if (!names) return;
  std::vector<std::string> directories;
  for (const auto& name : *names) {
    const LiveExecution* live = executions_.find(ExecutionId(name));
    if (live == nullptr || is_terminal(live->status))
      directories.push_back(executions_.options().layout.marker_directory(name));
  }
  loop_.offload(
      Loop::Executor::store,
      [directories = std::move(directories)] {
        for (const auto& directory : directories) (void)posix_files().remove_tree(directory);
      },
      [] {});
}

void Adoption::adopt(LiveExecution& live, const std::vector<ProcessRow>& known) {
  const auto spec = executions_.launches().group_spec(live);
  if (!spec) {
    executions_.change(live, ExecutionEvent::fatal, spec.error().message);
    return;
  }
  executions_.supervisor().adopt(*spec, known, 0);
  live.granted = std::min(executions_.supervisor().live_workers(live.ex_id), live.wanted);
  // Of a controller that never said so, or of a master that did not hear it.
  if (!live.has_ledger && ledger_exists(executions_.options().layout.ledger_directory(live.ex_id.text)))
    executions_.reports().note_ledger(live);
  executions_.supervisor().set_workers(live.ex_id, live.status == ExecutionStatus::stopping ? 0 : live.granted);
  if (!moved_from_.empty()) {
    for (const auto& row : known)
      if (!row.is_controller)
        executions_.supervisor().kill_worker(live.ex_id, row.process.pid, "the data directory was moved");
  }
  if (!moved_from_.empty() && executions_.supervisor().has_controller(live.ex_id)) {
    executions_.supervisor().restart_controller(live.ex_id,
                                                fmt::format("the data directory was moved from {}", moved_from_));
    return;
  }
  if (executions_.supervisor().has_controller(live.ex_id)) {
    executions_.live().explain(live, "the master was restarted, waiting for word from the execution controller");
    return;
  }
  executions_.live().explain(live, "the master was restarted, the execution controller is gone, reading the ledger");
  consult_ledger(live.ex_id);
}

void Adoption::consult_ledger(const ExecutionId& id) {
  auto decided = std::make_shared<Result<bool>>(false);
  loop_.offload(
      Loop::Executor::query,
      [decided, directory = executions_.options().layout.ledger_directory(id.text)] {
        *decided = has_outcome(directory);
      },
      [this, alive = std::weak_ptr<int>(alive_), id, decided] {
        if (!alive.expired()) act_on_ledger(id, *decided);
      });
}

void Adoption::act_on_ledger(const ExecutionId& id, const Result<bool>& decided) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr || is_terminal(live->status) || executions_.supervisor().has_controller(id)) return;
  if (!decided && decided.error().code == ErrorCode::conflict) {
    // Somebody holds it: a controller that was started but not noted yet. It will say hello, or it is about to go.
    executions_.live().explain(*live, decided.error().message);
    loop_.after(kAskAgain, [this, alive = std::weak_ptr<int>(alive_), id] {
      if (!alive.expired()) consult_ledger(id);
    });
    return;
  }
  if (!decided) log(LogLevel::error, "execution {}: {}", id.text, decided.error().message);
  live->decided = decided && *decided;
  if (live->decided) {
    live->granted = 0;
    executions_.supervisor().set_workers(id, 0);
  } else if (live->status == ExecutionStatus::stopping && !live->has_ledger &&
             !ledger_exists(executions_.options().layout.ledger_directory(id.text))) {
    executions_.change(*live, ExecutionEvent::drained, "");  // nothing was ever started
    return;
  }
  executions_.supervisor().restart_controller(id, "the master was restarted");
}

// Processes of executions that have ended: about to leave, or forgotten.
void Adoption::release_leftovers(const std::map<ExecutionId, std::vector<ProcessRow>>& known) {
  for (const auto& [id, rows] : known) {
    if (rows.empty()) continue;
    GroupSpec spec;
    spec.ex_id = id;
    spec.job_id = rows.front().job_id;
    executions_.supervisor().adopt(spec, rows, 0);
    executions_.supervisor().release(id, kLeftoverGrace);
  }
}

}  // namespace slicemill::master
