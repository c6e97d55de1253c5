// Controller, third part: what it tells of itself.
#include <algorithm>
#include <utility>

#include "core/runtime/log.h"
#include "execution-controller/controller.h"

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

bool ran_to_its_end(ExecutionStatus outcome) {
  return outcome == ExecutionStatus::completed || outcome == ExecutionStatus::failed;
}

StatusReport Controller::report() {
  reported_turns_ = turns_;
  const ExecutionStatus present = status();
  if (gets_on(present)) {
    const LedgerCounters& counters = writer_->durable_counters();
    Progress progress;
    measure(progress);
    std::optional<std::uint64_t> left;
    if (progress.total && present != ExecutionStatus::stopping)
      left = *progress.total - std::min(*progress.total, progress.done);
    meter_.add(parts_.loop.now(),
               {.records = counters.records_in,
                .bytes = progress.are_bytes_of_input ? progress.done : counters.bytes_out,
                .done = progress.done},
               left);
    shown_percent_ = std::max(shown_percent_, progress.percent.value_or(0));
  } else if (phase_ != Phase::finished) {
    meter_.rest();
  }
  const ProgressView seen = view();
  std::string reason = phase_ == Phase::finished || fatal_ || !obstacle_->up() ? reason_ : obstacle_->reason();
  if (reason.empty() && !settlement_->obstacle().empty()) reason = "publishing waits: " + settlement_->obstacle();
  if (reason.empty()) reason = worker_watch_->reason();
  if (const std::string thread = parts_.loop.waits_for(); reason.empty() && !thread.empty())
    reason = "obstacle: " + thread;
  Json stats = stats_json(seen);
  if (phase_ == Phase::finished && !outcome_.suspended) stats["summary"] = summary(seen);
  return {.status = std::string(to_string(present)),
          .reason = std::move(reason),
          .stats = to_compact_text(stats),
          .workers = wanted_workers_,
          .log_level = dispatcher_->workers().log_level()};
}

ProgressView Controller::view() const {
  ProgressView view{
      .counters = writer_->durable_counters(),
      .workers = dispatcher_->workers().counts(),
      .speculation = dispatcher_->speculation() == nullptr ? SpeculationCounts() : dispatcher_->speculation()->counts(),
      .queued = queue_.size() + dispatcher_->isolated(),
      .in_flight = dispatcher_->leased() + settlement_->in_progress(),
      .slicers = source_->slicers(),
      .started_ms = started_ms_,
      .queuing_complete_ms = queuing_complete_ms_,
      .finished_ms = finished_ms_,
      .obstacle = obstacle_->to_json(),
      .operations = analytics_.to_json(),
      .notices = notices_};
  measure(view.progress);
  if (const FirstError* first = first_error()) view.first_error = first_error_json(*first);
  Progress& progress = view.progress;
  if (phase_ != Phase::finished) {
    progress.records_per_second = meter_.records_per_second();
    progress.bytes_per_second = meter_.bytes_per_second();
    progress.remaining = meter_.remaining();
  }
  progress.slowest = analytics_.slowest();
  progress.workers = view.workers.connected;
  progress.workers_wanted = wanted_workers_ != 0 ? wanted_workers_ : parts_.wanted_workers;
  if (progress.workers_wanted == 0) progress.workers_wanted = static_cast<std::uint64_t>(job_.workers);
  progress.failures = view.counters.failed;
  return view;
}

void Controller::measure(Progress& progress) const {
  const SourceUnit unit = counts_extents_ && recovery_->slices_anew() ? source_->unit() : SourceUnit::none;
  progress.unit = unit_text(unit);
  progress.are_bytes_of_input = unit == SourceUnit::bytes;
  const LedgerFigures& figures = writer_->durable_figures();
  if (unit != SourceUnit::none) {
    progress.done = figures.completed_extent + figures.failed_extent;
    progress.total = source_->total();
  } else {
    const std::uint64_t open = queue_.size() + dispatcher_->isolated() + dispatcher_->leased() +
                               settlement_->in_progress() + settlement_->waiting_for_retry();
    const std::uint64_t known = settlement_->counters().processed + open;
    const bool is_cut = slicing_ && (cannot_resume_ || !recovery_->slices_anew() || source_->exhausted());
    progress.done = writer_->durable_counters().processed;
    if (is_cut && recovery_->rows_read() && redrive_->finished()) {
      progress.total = known;
    } else if (replay_total_ > 0) {
      progress.total = std::max(replay_total_, known);
    }
  }
  if (progress.total) progress.total = std::max(*progress.total, progress.done);
  if (phase_ == Phase::finished && outcome_.status == ExecutionStatus::completed) {
    progress.percent = 100;
  } else if (progress.total) {
    // What is done may still have to be joined, and its end to be recorded.
    constexpr double kMostBeforeTheEnd = 99.9;
    progress.percent =
        std::max(std::min(percent_of(progress.done, *progress.total), kMostBeforeTheEnd), shown_percent_);
  }
}

Json Controller::summary(const ProgressView& view) const {
  const LedgerHeader& header = ledger_->header();
  return summary_json({.ex_id = launch_.ex_id,
                       .job = job_,
                       .status = std::string(to_string(outcome_.status)),
                       .reason = outcome_.reason,
                       .created_ms = header.created_ms,
                       .resumed_ms = resumed_ ? started_ms_ : 0,
                       .ended_ms = finished_ms_ != 0 ? finished_ms_ : parts_.loop.wall_ms(),
                       .records_before = header.counters.records_in,
                       .view = view,
                       .remarks = outcome_.remarks});
}

// What an earlier controller met. Of a replay of one type also how much it is.
void Controller::load_first_errors() {
  const LedgerHeader& header = ledger_->header();
  if (header.counters.failed > 0) {
    const auto rows = ledger_->errors(header.counters.failed - 1, 1);  // the newest come first
    if (rows && !rows->empty())
      settlement_->set_first_failure({rows->front().key, rows->front().request, rows->front().error});
  }
  if (header.counters.quarantined > 0) {
    const auto rows = ledger_->quarantine(std::nullopt, 0, 1);
    if (rows && !rows->empty()) {
      const QuarantinedRecord& record = rows->front().record;
      settlement_->set_first_quarantined({rows->front().at.slice, "", record.error, record, true});
    }
  }
  if (recovery_->slices_anew() || recovery_->redrives()) return;
  const auto open = ledger_->open_counts();
  if (!open) return;
  const std::uint64_t errors = open->error - std::min(open->error, header.counters.failed);
  replay_total_ = header.counters.processed;
  if (header.cleanup != CleanupType::pending) replay_total_ += errors;
  if (header.cleanup != CleanupType::errors) replay_total_ += open->start + open->pending;
}

const FirstError* Controller::first_error() const {
  if (settlement_->first_failure()) return &*settlement_->first_failure();
  return settlement_->first_quarantined() ? &*settlement_->first_quarantined() : nullptr;
}

void Controller::take_notice(const std::string& notice) {
  if (notices_.size() < kMostNotices && std::ranges::find(notices_, notice) == notices_.end()) {
    notices_.push_back(notice);
    writer_->batch().notices = notices_;
  }
  if (parts_.on_notice) parts_.on_notice(notice);
}

}  // namespace slicemill::controller
