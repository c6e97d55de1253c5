// What a controller tells of itself: how far its execution is, what it counted, what went wrong first, and the summary
// at its end. Loop thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/launch.h"
#include "core/model/stats.h"
#include "execution-controller/controller_parts.h"
#include "execution-controller/dispatch/worker_watch.h"
#include "execution-controller/execution_lifecycle.h"
#include "execution-controller/obstacle.h"
#include "execution-controller/reporting/master_link.h"
#include "execution-controller/reporting/progress.h"
#include "execution-controller/reporting/progress_meter.h"
#include "execution-controller/slice_flow.h"

namespace slicemill::controller {

class ControllerReports {
 public:
  // What it reports on; everything outlives it.
  struct Subjects {
    const ControllerParts& parts;
    const ControllerLaunch& launch;
    const SliceLedger& ledger;
    const ExecutionLifecycle& lifecycle;
    SliceFlow& flow;
    const Obstacle& obstacle;
    const WorkerWatch& workers;
  };
  // As it stands when it is asked.
  struct Present {
    ExecutionStatus status;
    std::string reason;  // but for obstacles, workers and publishing, which say theirs
    const ControllerOutcome& outcome;
    std::uint64_t wanted_workers;  // 0: nobody said
    WallMs finished_ms;            // 0: not yet
  };

  // resumed: an earlier controller of the execution made the ledger.
  ControllerReports(const Subjects& subjects, bool resumed);

  // What earlier controllers met first, and of a replay of one type how much it is.
  void load();
  void take_notice(const std::string& notice);
  // The source has no more slices.
  void queuing_is_complete();

  // Looks at what was done since the last call: the rates are from that.
  StatusReport report(const Present& present);
  Stats stats(const Present& present) const;
  Stats stats_at_end(const Present& present) const;  // with the summary

 private:
  // How much is done of how much, in which unit.
  void measure(Progress& progress, const Present& present) const;
  const FirstError* first_error() const;

  const Subjects subjects_;
  const bool resumed_;
  bool counts_extents_;  // the ledger has them of all that was done
  ProgressMeter meter_;
  double shown_percent_ = 0;        // it does not fall
  std::uint64_t replay_total_ = 0;  // slices that a recovery of one cleanup type found when it began
  std::vector<std::string> notices_;
  WallMs started_ms_;
  WallMs queuing_complete_ms_ = 0;
};

}  // namespace slicemill::controller
