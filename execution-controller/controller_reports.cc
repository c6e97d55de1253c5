#include "execution-controller/controller_reports.h"

#include <algorithm>
#include <utility>

#include "core/runtime/text.h"
#include "execution-controller/settlement/first_error.h"

namespace slicemill::controller {
namespace {

constexpr std::size_t kMostNotices = 100;  // more are not kept

std::string unit_text(SourceUnit unit) {
  switch (unit) {
    case SourceUnit::bytes:
      return "bytes";
    case SourceUnit::records:
      return "records";
    case SourceUnit::none:
      break;
  }
  return "slices";
}

bool gets_on(ExecutionStatus status) {
  using enum ExecutionStatus;
  return status == running || status == failing || status == recovering || status == stopping;
}

}  // namespace

ControllerReports::ControllerReports(const Subjects& subjects, bool resumed)
    : subjects_(subjects),
      resumed_(resumed),
      notices_(subjects.ledger.header().notices),
      started_ms_(subjects.parts.loop.wall_ms()) {
  const LedgerHeader& header = subjects.ledger.header();
  // A ledger of a version that did not count them.
  counts_extents_ = header.counters.processed == 0 || header.figures != LedgerFigures{};
}

void ControllerReports::queuing_is_complete() {
  if (queuing_complete_ms_ == 0) queuing_complete_ms_ = subjects_.parts.loop.wall_ms();
}

StatusReport ControllerReports::report(const Present& present) {
  if (gets_on(present.status)) {
    const SliceCounters& counters = subjects_.flow.writer().durable_counters();
    Progress progress;
    measure(progress, present);
    std::optional<std::uint64_t> left;
    if (progress.total && present.status != ExecutionStatus::stopping)
      left = *progress.total - std::min(*progress.total, progress.done);
    meter_.add(subjects_.parts.loop.now(),
               {.records = counters.records_in,
                .bytes = progress.are_bytes_of_input ? progress.done : counters.bytes_out,
                .done = progress.done},
               left);
    shown_percent_ = std::max(shown_percent_, progress.percent.value_or(0));
  } else if (!subjects_.lifecycle.finished()) {
    meter_.rest();
  }
  std::string reason = subjects_.lifecycle.finished() || subjects_.lifecycle.gives_up() || !subjects_.obstacle.up()
                           ? present.reason
                           : subjects_.obstacle.reason();
  if (reason.empty() && !subjects_.flow.settlement().obstacle().empty())
    reason = subjects_.flow.settlement().obstacle();
  if (const std::string source = subjects_.flow.sources().source().waits_for();
      reason.empty() && !source.empty() && !subjects_.lifecycle.finished())
    reason = "the source waits: " + source;
  if (reason.empty()) reason = subjects_.workers.reason();
  if (const std::string thread = subjects_.parts.loop.waits_for(); reason.empty() && !thread.empty())
    reason = "obstacle: " + thread;
  return {
      .status = std::string(to_string(present.status)),
      .reason = std::move(reason),
      .stats = subjects_.lifecycle.finished() && !present.outcome.suspended ? stats_at_end(present) : stats(present),
      .workers = present.wanted_workers,
      .log_level = subjects_.flow.dispatcher().levels().log_level()};
}

Stats ControllerReports::stats(const Present& present) const {
  Stats stats{.slices = subjects_.flow.writer().durable_counters(),
              .workers = subjects_.flow.dispatcher().workers().counts(),
              .speculation = subjects_.flow.dispatcher().speculation() == nullptr
                                 ? SpeculationCounts()
                                 : subjects_.flow.dispatcher().speculation()->counts(),
              .queued = subjects_.flow.queue().size() + subjects_.flow.dispatcher().isolated(),
              .in_flight = subjects_.flow.dispatcher().leased() + subjects_.flow.settlement().in_progress(),
              .slicers = subjects_.flow.sources().source().slicers(),
              .started = started_ms_,
              .queuing_complete = queuing_complete_ms_ == 0 ? std::nullopt : std::optional(queuing_complete_ms_),
              .finished = present.finished_ms == 0 ? std::nullopt : std::optional(present.finished_ms),
              .obstacle = subjects_.obstacle.view(),
              .operations = subjects_.flow.analytics().operations(),
              .progress = {},
              .first_error = std::nullopt,
              .notices = first_texts(notices_),
              .summary = std::nullopt};
  if (const FirstError* first = first_error()) stats.first_error = view_of(*first);
  Progress& progress = stats.progress;
  measure(progress, present);
  if (!subjects_.lifecycle.finished()) {
    progress.records_per_second = meter_.records_per_second();
    progress.bytes_per_second = meter_.bytes_per_second();
    progress.remaining = meter_.remaining();
  }
  progress.slowest = subjects_.flow.analytics().slowest();
  progress.workers = stats.workers.connected;
  progress.workers_wanted = present.wanted_workers != 0 ? present.wanted_workers : subjects_.parts.wanted_workers;
  if (progress.workers_wanted == 0) progress.workers_wanted = static_cast<std::uint64_t>(subjects_.launch.job.workers);
  progress.failures = stats.slices.failed;
  return stats;
}

void ControllerReports::measure(Progress& progress, const Present& present) const {
  const SourceUnit unit = counts_extents_ && subjects_.flow.sources().slices_anew()
                              ? subjects_.flow.sources().source().unit()
                              : SourceUnit::none;
  progress.unit = unit_text(unit);
  progress.are_bytes_of_input = unit == SourceUnit::bytes;
  const LedgerFigures& figures = subjects_.flow.writer().durable_figures();
  if (unit != SourceUnit::none) {
    progress.done = figures.completed_extent + figures.failed_extent;
    progress.total = subjects_.flow.sources().source().total();
  } else {
    const std::uint64_t open = subjects_.flow.queue().size() + subjects_.flow.dispatcher().isolated() +
                               subjects_.flow.dispatcher().leased() + subjects_.flow.settlement().in_progress() +
                               subjects_.flow.settlement().waiting_for_retry();
    const std::uint64_t known = subjects_.flow.settlement().tally().counters().processed + open;
    progress.done = subjects_.flow.writer().durable_counters().processed;
    if (subjects_.flow.sources().slicers_given() && subjects_.flow.sources().stored_given()) {
      progress.total = known;
    } else if (replay_total_ > 0) {
      progress.total = std::max(replay_total_, known);
    }
  }
  if (progress.total) progress.total = std::max(*progress.total, progress.done);
  if (subjects_.lifecycle.finished() && present.outcome.status == ExecutionStatus::completed) {
    progress.percent = 100;
  } else if (progress.total) {
    // What is done may still have to be joined, and its end to be recorded.
    constexpr double kMostBeforeTheEnd = 99.9;
    progress.percent =
        std::max(std::min(percent_of(progress.done, *progress.total), kMostBeforeTheEnd), shown_percent_);
  }
}

Stats ControllerReports::stats_at_end(const Present& present) const {
  const LedgerHeader& header = subjects_.ledger.header();
  const auto paths = subjects_.launch.job.plan.output_paths();
  Stats stats = this->stats(present);
  stats.summary = RunSummary{.ex_id = subjects_.launch.ex_id,
                             .name = subjects_.launch.job.name,
                             .status = std::string(to_string(present.outcome.status)),
                             .reason = present.outcome.reason,
                             .created = header.created_ms,
                             .resumed = resumed_ ? std::optional(started_ms_) : std::nullopt,
                             .ended = present.finished_ms != 0 ? present.finished_ms : subjects_.parts.loop.wall_ms(),
                             .records_before = header.counters.records_in,
                             .remarks = first_texts(present.outcome.remarks),
                             .output = paths.empty() ? std::nullopt : std::optional(join(paths, ", "))};
  return stats;
}

// What an earlier controller met. Of a replay of one type also how much it is.
void ControllerReports::load() {
  const LedgerHeader& header = subjects_.ledger.header();
  if (header.counters.failed > 0) {
    const auto rows = subjects_.ledger.errors(header.counters.failed - 1, 1);  // the newest come first
    if (rows && !rows->empty())
      subjects_.flow.settlement().tally().set_first_failure(
          {rows->front().key, rows->front().request, rows->front().error});
  }
  if (header.counters.quarantined > 0) {
    const auto rows = subjects_.ledger.quarantine(std::nullopt, 0, 1);
    if (rows && !rows->empty()) {
      const QuarantinedRecord& record = rows->front().record;
      subjects_.flow.settlement().tally().set_first_quarantined(
          {rows->front().at.slice, "", record.error, record, true});
    }
  }
  if (subjects_.flow.sources().slices_anew() || subjects_.flow.sources().redrives()) return;
  const auto open = subjects_.ledger.open_counts();
  if (!open) return;
  const std::uint64_t errors = open->error - std::min(open->error, header.counters.failed);
  replay_total_ = header.counters.processed;
  if (header.cleanup != CleanupType::pending) replay_total_ += errors;
  if (header.cleanup != CleanupType::errors) replay_total_ += open->start + open->pending;
}

const FirstError* ControllerReports::first_error() const {
  if (subjects_.flow.settlement().tally().first_failure()) return &*subjects_.flow.settlement().tally().first_failure();
  return subjects_.flow.settlement().tally().first_quarantined()
             ? &*subjects_.flow.settlement().tally().first_quarantined()
             : nullptr;
}

void ControllerReports::take_notice(const std::string& notice) {
  if (notices_.size() < kMostNotices && std::ranges::find(notices_, notice) == notices_.end()) {
    notices_.push_back(notice);
    subjects_.flow.writer().batch().notices = notices_;
  }
  if (subjects_.parts.on_notice) subjects_.parts.on_notice(notice);
}

}  // namespace slicemill::controller
