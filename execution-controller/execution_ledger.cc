#include "execution-controller/execution_ledger.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "core/model/job_spec.h"
#include "core/runtime/json.h"

namespace slicemill::controller {
namespace {

// Why a recovery that is to slice on cannot go on from where its source stood. "" if it can.
Result<std::string> mismatch_with(const std::string& source_directory, const JobSpec& job) {
  ASSIGN_OR_RETURN(const auto view, view_ledger(source_directory));
  ASSIGN_OR_RETURN(const JobSpec before, parse_job_spec(view->header().execution));
  return position_mismatch(before, job);
}

// Why a recovery cannot publish what its source has written. "" if it can, or if that is published.
Result<std::string> output_mismatch_with(const std::string& source_directory, const JobSpec& job) {
  ASSIGN_OR_RETURN(const auto view, view_ledger(source_directory));
  const LedgerHeader& header = view->header();
  if (header.joined && header.joined->published) return std::string();
  ASSIGN_OR_RETURN(const JobSpec before, parse_job_spec(header.execution));
  ASSIGN_OR_RETURN(std::string mismatch, output_mismatch(before, job, header.lineage.front()));
  if (mismatch.empty()) return mismatch;
  bool has_outputs = false;
  RETURN_IF_ERROR(view->for_each_output([&](const CommittedOutput& output) -> Result<void> {
    has_outputs = has_outputs || output.facts.present;
    return {};
  }));
  return has_outputs ? mismatch : std::string();
}

// Why redriven records could not be published: "" if they can. A joined file is written once, of all slices; a
// directory that replaces another one takes its place once all slices are there, and more can be added then.
Result<std::string> no_place_for_redriven(const std::string& source_directory, const JobSpec& job) {
  bool is_single = false;
  bool replaces = false;
  for (const std::size_t sink : job.plan.sinks()) {
    const Json& sender = job.plan.operation(sink).options;
    is_single = is_single || is_true(sender, "single_file");
    replaces = replaces || sender.value("if_exists", "append") == "replace";
  }
  if (!is_single && !replaces) return std::string();
  ASSIGN_OR_RETURN(const auto view, view_ledger(source_directory));
  const auto& joined = view->header().joined;
  if (is_single && joined)
    return std::string(
        "single_file: the joined file is written already; redrive with a job that writes to a directory");
  if (joined && joined->published) return std::string();
  ASSIGN_OR_RETURN(const auto open, view->open_counts());
  if (open.error + open.start + open.pending > 0)
    return fmt::format("{}: slices are missing in the output still; recover the execution before",
                       is_single ? "single_file" : "if_exists");
  return std::string();
}

}  // namespace

Result<ExecutionLedger> open_execution_ledger(Loop& loop, LedgerStore& ledgers, const ControllerLaunch& launch) {
  const std::string execution = to_compact_text(to_json(launch.job));
  std::unique_ptr<SliceLedger> ledger;
  const bool resumed = ledgers.exists(launch.ledger_directory);
  if (!resumed && launch.ledger_was_made) return lost_ledger(launch.ex_id, launch.ledger_directory);
  if (resumed) {
    ASSIGN_OR_RETURN(ledger, launch.epoch == 0 ? ledgers.open_next_epoch(loop, launch.ledger_directory)
                                               : ledgers.open(loop, launch.ledger_directory, launch.epoch));
  } else if (!launch.source_ledger_directory.empty()) {
    ASSIGN_OR_RETURN(const std::string elsewhere, output_mismatch_with(launch.source_ledger_directory, launch.job));
    if (!elsewhere.empty()) return Error(ErrorCode::invalid, "cannot go on with the output: " + elsewhere);
    if (launch.cleanup == CleanupType::quarantine) {
      ASSIGN_OR_RETURN(const std::string obstacle, no_place_for_redriven(launch.source_ledger_directory, launch.job));
      if (!obstacle.empty()) return Error(ErrorCode::invalid, obstacle);
    } else if (launch.cleanup == CleanupType::none || launch.job.goes_on) {
      ASSIGN_OR_RETURN(const std::string mismatch, mismatch_with(launch.source_ledger_directory, launch.job));
      if (!mismatch.empty())
        return Error(ErrorCode::invalid, fmt::format("cannot go on from the recovered position: {}; recover with a "
                                                     "cleanup_type to replay stored slices only",
                                                     mismatch));
    }
    ASSIGN_OR_RETURN(ledger, ledgers.recover(loop, launch.ledger_directory,
                                             {.source_directory = launch.source_ledger_directory,
                                              .ex_id = launch.ex_id,
                                              .execution = execution,
                                              .cleanup = launch.cleanup,
                                              .epoch = launch.epoch}));
  } else {
    ASSIGN_OR_RETURN(ledger, ledgers.create(loop, launch.ledger_directory,
                                            {.ex_id = launch.ex_id,
                                             .execution = execution,
                                             .epoch = std::max<std::uint64_t>(1, launch.epoch)}));
  }
  return ExecutionLedger{std::move(ledger), resumed};
}

}  // namespace slicemill::controller
