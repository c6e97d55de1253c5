// What a controller is given by the process around it, and what it gives back.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"
#include "core/model/stats.h"
#include "core/runtime/files.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/wire/channel.h"

namespace slicemill::controller {

struct ControllerParts {
  Loop& loop;
  ServerChannel& workers;             // for its workers; listens once the ledger is held
  ClientChannel* master = nullptr;    // nullptr: local run
  ProcessMonitor* monitor = nullptr;  // nullptr: workers are threads of this process
  Files& files;
  LedgerStore& ledgers = rocks_ledgers();
  std::optional<ProcessIdentity> self = {};                // nothing: as the system says
  std::function<void(const std::string&)> on_notice = {};  // of the source: what was left out, and what waits
  std::uint64_t wanted_workers = 0;  // without a master, who says how many there are to be; 0: as many as the job says
  bool leaves_at_obstacle = false;   // nobody would wait for it: it suspends itself, see ControllerOutcome::obstacle
  bool has_pulses = false;           // master and workers are processes of this machine (core/runtime/pulse.h)
};

ProcessIdentity identity_of(const ControllerParts& parts);

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

}  // namespace slicemill::controller
