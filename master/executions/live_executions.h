// The executions that live, as this master knows them: by id and in order of creation, with why each is as it is just
// now. Ended executions leave it; the registry has them. Owner: Executions; loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/commands.h"
#include "core/model/execution.h"
#include "core/model/stats.h"
#include "core/runtime/clock.h"
#include "core/runtime/pulse.h"
#include "master/executions/start_planner.h"
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

class LiveExecutions {
 public:
  using ByCreation = std::map<std::int64_t, LiveExecution*>;  // by sequence number

  LiveExecution& insert(const ExecutionRow& row, SteadyTime now);
  std::unique_ptr<LiveExecution> take_out(const ExecutionId& id);

  LiveExecution* find(const ExecutionId& id) const;
  const LiveExecution* find_by_job(const JobId& id) const;
  const ByCreation& by_creation() const { return by_creation_; }

  // ---- reasons ----
  void explain(LiveExecution& live, std::string reason) { set_reason(live.live_reason, std::move(reason)); }
  // present: one of those that a live execution has.
  void set_reason(std::string& present, std::string reason);
  std::string live_reason(const ExecutionId& id) const;  // all of them
  // A higher one whenever live_reason() may say something else.
  std::uint64_t revision() const { return revision_; }
  void raise_revision() { ++revision_; }

 private:
  std::map<ExecutionId, std::unique_ptr<LiveExecution>> live_;
  ByCreation by_creation_;
  std::uint64_t revision_ = 1;
};

}  // namespace slicemill::master
