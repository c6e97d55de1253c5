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
    const SliceCounters& counters = writer_->durable_counters();
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
  } else if (!lifecycle_.finished()) {
    meter_.rest();
  }
  std::string reason =
      lifecycle_.finished() || lifecycle_.gives_up() || !obstacle_->up() ? reason_ : obstacle_->reason();
  if (reason.empty() && !settlement_->obstacle().empty()) reason = "publishing waits: " + settlement_->obstacle();
  if (reason.empty()) reason = worker_watch_->reason();
  if (const std::string thread = parts_.loop.waits_for(); reason.empty() && !thread.empty())
    reason = "obstacle: " + thread;
  return {.status = std::string(to_string(present)),
          .reason = std::move(reason),
          .stats = lifecycle_.finished() && !outcome_.suspended ? stats_at_end() : stats(),
          .workers = wanted_workers_,
          .log_level = dispatcher_->levels().log_level()};
}

Stats Controller::stats() const {
  Stats stats{
      .slices = writer_->durable_counters(),
      .workers = dispatcher_->workers().counts(),
      .speculation = dispatcher_->speculation() == nullptr ? SpeculationCounts() : dispatcher_->speculation()->counts(),
      .queued = queue_.size() + dispatcher_->isolated(),
      .in_flight = dispatcher_->leased() + settlement_->in_progress(),
      .slicers = source_->slicers(),
      .started = started_ms_,
      .queuing_complete = queuing_complete_ms_ == 0 ? std::nullopt : std::optional(queuing_complete_ms_),
      .finished = finished_ms_ == 0 ? std::nullopt : std::optional(finished_ms_),
      .obstacle = obstacle_->view(),
      .operations = analytics_.operations(),
      .progress = {},
      .first_error = std::nullopt,
      .notices = first_texts(notices_),
      .summary = std::nullopt};
  if (const FirstError* first = first_error()) stats.first_error = view_of(*first);
  Progress& progress = stats.progress;
  measure(progress);
  if (!lifecycle_.finished()) {
    progress.records_per_second = meter_.records_per_second();
    progress.bytes_per_second = meter_.bytes_per_second();
    progress.remaining = meter_.remaining();
  }
  progress.slowest = analytics_.slowest();
  progress.workers = stats.workers.connected;
  progress.workers_wanted = wanted_workers_ != 0 ? wanted_workers_ : parts_.wanted_workers;
  if (progress.workers_wanted == 0) progress.workers_wanted = static_cast<std::uint64_t>(job_.workers);
  progress.failures = stats.slices.failed;
  return stats;
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
  if (lifecycle_.finished() && outcome_.status == ExecutionStatus::completed) {
    progress.percent = 100;
  } else if (progress.total) {
    // What is done may still have to be joined, and its end to be recorded.
    constexpr double kMostBeforeTheEnd = 99.9;
    progress.percent =
        std::max(std::min(percent_of(progress.done, *progress.total), kMostBeforeTheEnd), shown_percent_);
  }
}

Stats Controller::stats_at_end() const {
  const LedgerHeader& header = ledger_->header();
  const Json& last = job_.operations.back().options;
  const auto path = last.find("path");
  Stats stats = this->stats();
  stats.summary = RunSummary{
      .ex_id = launch_.ex_id,
      .name = job_.name,
      .status = std::string(to_string(outcome_.status)),
      .reason = outcome_.reason,
      .created = header.created_ms,
      .resumed = resumed_ ? std::optional(started_ms_) : std::nullopt,
      .ended = finished_ms_ != 0 ? finished_ms_ : parts_.loop.wall_ms(),
      .records_before = header.counters.records_in,
      .remarks = first_texts(outcome_.remarks),
      .output = path != last.end() && path->is_string() ? std::optional(path->get<std::string>()) : std::nullopt};
  return stats;
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
