#include "execution-controller/controller.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/model/end_reason.h"
#include "core/model/mended_records.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/dispatch/crash_cause.h"

namespace slicemill::controller {
namespace {

constexpr std::int64_t kFatalDrainMs = 2'000;  // in-flight slices of an execution that cannot go on

ErrorCode code_of_refusal(ExecutionStatus status) {
  return is_terminal(status) ? ErrorCode::not_found : ErrorCode::conflict;
}

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
  const Json& sender = job.operations.back().options;
  const bool is_single = is_true(sender, "single_file");
  if (!is_single && sender.value("if_exists", "append") != "replace") return std::string();
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

// Of a redrive: the records that it runs; nothing: all of them. They were checked when it was asked for.
std::optional<MendedRecords> chosen_records(const JobSpec& job) {
  if (job.redriven_records.is_null()) return std::nullopt;
  auto records = parse_mended_records(job.redriven_records);
  if (!records) return MendedRecords();
  return std::move(*records);
}

}  // namespace

Result<std::unique_ptr<Controller>> Controller::open(const Parts& parts, const ControllerLaunch& launch) {
  if (launch.job.operations.empty()) return Error(ErrorCode::invalid, "the job has no operations");
  const std::string execution = to_compact_text(to_json(launch.job));
  std::unique_ptr<SliceLedger> ledger;
  LedgerStore& ledgers = parts.ledgers;
  const bool resumed = ledgers.exists(launch.ledger_directory);
  if (!resumed && launch.ledger_was_made) return lost_ledger(launch.ex_id, launch.ledger_directory);
  if (resumed) {
    ASSIGN_OR_RETURN(ledger, launch.epoch == 0 ? ledgers.open_next_epoch(parts.loop, launch.ledger_directory)
                                               : ledgers.open(parts.loop, launch.ledger_directory, launch.epoch));
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
    ASSIGN_OR_RETURN(ledger, ledgers.recover(parts.loop, launch.ledger_directory,
                                             {.source_directory = launch.source_ledger_directory,
                                              .ex_id = launch.ex_id,
                                              .execution = execution,
                                              .cleanup = launch.cleanup,
                                              .epoch = launch.epoch}));
  } else {
    ASSIGN_OR_RETURN(ledger, ledgers.create(parts.loop, launch.ledger_directory,
                                            {.ex_id = launch.ex_id,
                                             .execution = execution,
                                             .epoch = std::max<std::uint64_t>(1, launch.epoch)}));
  }
  // Nothing that others notice comes before this: who does not hold the ledger would take the workers from who does.
  RETURN_IF_ERROR(parts.workers.listen());
  auto controller = std::unique_ptr<Controller>(new Controller(parts, launch, std::move(ledger), resumed));
  ASSIGN_OR_RETURN(controller->publisher_, make_publisher(controller->job_, controller->ledger_->header().lineage,
                                                          parts.files, controller->ledger_->header().joined));
  controller->wire();
  // Before the first worker is heard: what it holds must be found in the queue.
  if (!controller->ledger_->header().outcome) {
    ASSIGN_OR_RETURN(controller->committed_, controller->recovery_->open());
    controller->charge_the_dead();
  }
  controller->load_first_errors();
  return controller;
}

// Workers that died with an earlier controller, or before it was replaced: nobody else would charge the slices that
// they had begun, and one that takes everybody down would be tried for ever. The note goes first: a charge may be lost
// by another death just now, and is never made twice.
void Controller::charge_the_dead() {
  if (parts_.monitor == nullptr) return;
  for (const auto& path : in_flight_markers_in(launch_.marker_directory)) {
    const auto note = read_in_flight_marker(path);
    if (!note || parts_.monitor->alive(note->worker)) continue;  // it says itself what it holds
    if (!parts_.files.remove(path) || !note->begun || note->excused) continue;
    const auto& begun = *note->begun;
    if (begun.epoch >= ledger_->header().epoch) continue;
    const SliceKey key = key_of(begun);
    log(LogLevel::warn, "slice {}/{} was running when worker (pid {}) died together with its controller", key.slicer,
        key.order, note->worker.pid);
    recovery_->charge(key, attempt_of(begun));
  }
}

Controller::Controller(const Parts& parts, const ControllerLaunch& launch, std::unique_ptr<SliceLedger> ledger,
                       bool resumed)
    : parts_(parts),
      launch_(launch),
      job_(launch.job),
      analytics_(job_, ledger->header().figures),
      quarantine_policy_(QuarantinePolicy::of(job_)),
      ledger_(std::move(ledger)),
      lifecycle_(SLICEMILL_MUTATED("forget_wanted") ? WantedState::running : ledger_->header().wanted),
      ledger_noted_(launch.ledger_was_made || !launch.master_notes_ledger),
      resumed_(resumed) {
  persistent_ = job_.persistent;
  started_ms_ = parts_.loop.wall_ms();
  remarks_ = ledger_->header().remarks;
  notices_ = ledger_->header().notices;
  // A ledger of a version that did not count them.
  counts_extents_ = ledger_->header().counters.processed == 0 || ledger_->header().figures != LedgerFigures{};
}

Controller::~Controller() {
  if (auto closed = ledger_->close(); !closed) log(LogLevel::warn, "closing the ledger: {}", closed.error().message);
}

ProcessIdentity identity_of(const Controller::Parts& parts) {
  if (parts.self) return *parts.self;
  const auto own = own_process();
  return own ? *own : ProcessIdentity();
}

void Controller::wire() {
  const auto& header = ledger_->header();
  const RetryPolicy retries{.max_retries = job_.max_retries, .base_ms = launch_.settings.retry_base_ms};
  writer_ = std::make_unique<LedgerWriter>(
      parts_.loop, *ledger_,
      [this](LedgerBatch& batch) {
        batch.counters = settlement_->counters();
        LedgerFigures& figures = batch.figures.emplace();
        figures.completed_extent = settlement_->completed_extent();
        figures.failed_extent = settlement_->failed_extent();
        figures.source_extents = source_->totals();
        analytics_.put(figures);
      },
      [this](const Error& error) { ledger_failed(error); },
      [this] { turn_soon(); });  // the end waits for the last batch, whatever is in it
  settlement_ = std::make_unique<Settlement>(
      parts_.loop, *writer_, publisher_.get(), header, retries,
      Settlement::Hooks{.on_retry =
                            [this](ActiveSlice slice) {
                              queue_.push_front(std::move(slice));
                              turn_soon();
                            },
                        .on_isolated = [this](ActiveSlice slice) { dispatcher_->push_isolated(std::move(slice)); },
                        .on_settled = [this](const SliceKey& key, SliceState state) { on_slice_error(key, state); },
                        .on_range_completed = [this](const SettledRange& range) { source_->tell_completed(range); },
                        .on_noted = [this](const SliceKey& key) { recovery_->ignore(key); },
                        .on_change = [this] { turn_soon(); },
                        .on_obstacle = [this](const Error& error) { output_obstructed(error); },
                        .on_fatal = [this](const Error& error) { ledger_failed(error); }});
  Dispatcher::Options options{.epoch = header.epoch,
                              .lineage = header.lineage,
                              .job = to_compact_text(to_json(job_)),
                              .log_level = job_.log_level.empty() ? "info" : job_.log_level,
                              .settings = launch_.settings,
                              .expected_workers = launch_.living_workers,
                              .retries = retries,
                              .speculation = {job_.speculation}};
  if (parts_.monitor != nullptr) options.controller = identity_of(parts_);
  options.looks_at_pulses = parts_.has_pulses;
  dispatcher_ = std::make_unique<Dispatcher>(
      parts_.loop, parts_.workers, parts_.monitor, queue_, *writer_, std::move(options),
      Dispatcher::Hooks{.on_result =
                            [this](ActiveSlice slice, const wire::SliceResult& result) {
                              if (result.outcome != wire::Outcome::obstructed) analytics_.add(result);
                              settlement_->on_result(std::move(slice), result);
                            },
                        .on_span_completed =
                            [this](const SliceSpan& span, const wire::SliceResult& result) {
                              analytics_.add(result);
                              settlement_->on_span_completed(span, result);
                            },
                        .on_crash =
                            [this](ActiveSlice slice, const std::string& cause) {
                              settlement_->on_crash(std::move(slice), crash_cause(cause, job_.worker_memory_limit));
                            },
                        .on_refused = [this] { settlement_->on_refused(); },
                        .on_remarks = [this](const std::vector<Remark>& remarks) { take_remarks(remarks); },
                        .on_change = [this] { turn_soon(); },
                        .on_fatal = [this](const Error& error) { fail(error); },
                        .on_lost =
                            [this](const ProcessIdentity& process, const std::string& reason) {
                              if (link_) link_->worker_lost(process, reason);
                            },
                        .on_adopted =
                            [this](const SliceKey& key, const Attempt& attempt) {
                              if (sweep_) sweep_->keep(key, attempt);
                            },
                        .on_attempts_lost =
                            [this](const SliceAttempts& attempts) {
                              if (sweep_) sweep_->lost(attempts);
                            }});
  source_ = std::make_unique<SliceSource>(
      parts_.loop, *writer_, parts_.files, header, job_,
      SliceSource::Hooks{.on_created = [this](OpenRange range) { queue_.push_range(std::move(range), false); },
                         .on_change = [this] { turn_soon(); },
                         .on_fatal = [this](const Error& error) { fail(error); },
                         .on_notice = [this](const std::string& notice) { take_notice(notice); }});
  recovery_ = std::make_unique<Recovery>(
      parts_.loop, *ledger_, queue_, job_.goes_on,
      Recovery::Hooks{.on_isolated = [this](ActiveSlice slice) { dispatcher_->push_isolated(std::move(slice)); },
                      .on_charged =
                          [this](ActiveSlice slice) {
                            settlement_->on_crash(std::move(slice), "an unknown cause, together with its controller");
                          },
                      .on_change = [this] { turn_soon(); },
                      .on_fatal = [this](const Error& error) { ledger_failed(error); }});
  redrive_ = std::make_unique<Redrive>(
      parts_.loop, *ledger_, *writer_, recovery_->redrives(), chosen_records(job_),
      Redrive::Hooks{.on_created = [this](OpenRange range) { queue_.push_range(std::move(range), false); },
                     .on_change = [this] { turn_soon(); },
                     .on_fatal = [this](const Error& error) { ledger_failed(error); }});
  worker_watch_ = std::make_unique<WorkerWatch>(
      parts_.loop, launch_.ex_id, launch_.settings,
      WorkerWatch::Hooks{.counts = [this] { return dispatcher_->workers().counts(); },
                         .excused = [this] { return !lifecycle_.dispatches() || obstacle_->up() || workers_wait_; },
                         .on_alone = [this](const Error& error) { fail(error); },
                         .on_change =
                             [this] {
                               if (link_) link_->report_soon();
                             }});
  wire_output();
  if (parts_.master != nullptr) {
    link_ = std::make_unique<MasterLink>(
        parts_.loop, *parts_.master, launch_.ex_id, header.epoch, identity_of(parts_), launch_.settings,
        MasterLink::Hooks{
            .on_verb = [this](const wire::Verb& verb) { on_verb(verb); },
            .on_query = [this](const wire::Query& query) { on_query(query); },
            .on_worker_exit = [this](std::int64_t pid,
                                     const std::string& cause) { dispatcher_->on_exit_cause(pid, cause); },
            .on_wanted = [this](const wire::Wanted& wanted) { on_wanted(wanted); },
            .on_ledger_noted =
                [this] {
                  ledger_noted_ = true;
                  turn_soon();
                },
            .report =
                [this] {
                  look_after_ledger();
                  return report();
                },
            .on_workers_wait = [this](const std::string& reason) { workers_wait_ = !reason.empty(); },
            .same_report =
                [this] {
                  look_after_ledger();
                  return turns_ == reported_turns_ && !obstacle_->up() && parts_.loop.waits_for().empty();
                }},
        parts_.has_pulses ? parts_.monitor : nullptr);
    if (!ledger_noted_) link_->tell_ledger();
  }
}

void Controller::take_remarks(const std::vector<Remark>& remarks) {
  bool is_changed = false;
  for (const Remark& remark : remarks) is_changed = add_remark(remarks_, remark) || is_changed;
  if (is_changed) writer_->batch().remarks = remarks_;
}

// ---- beginning
// --------------------------------------------------------------------------------------------------------

void Controller::start(std::function<void(ControllerOutcome)> on_finished) {
  on_finished_ = std::move(on_finished);
  if (link_) link_->start();
  if (const auto& outcome = ledger_->header().outcome) {  // it ended before; only the telling is left
    log(LogLevel::info, "the ledger has the outcome already: {}", to_string(outcome->status));
    reason_ = outcome->reason;
    outcome_ = {outcome->status, outcome->reason, ledger_->header().counters};
    if (ran_to_its_end(outcome->status)) outcome_.remarks = standing_remarks(remarks_);
    finished_ms_ = outcome->at_ms;
    const auto owed = ledger_->unpublished_outputs();
    keeps_staging_ = !owed || !owed->empty();
    lifecycle_.take(Event::found_ended);
    finish();
    return;
  }
  if (lifecycle_.drains()) begin_drain(launch_.settings.shutdown_timeout_ms);  // an earlier controller was told to
  if (!publisher_) {
    open_sources();
    return;
  }
  prepare_output();
}

void Controller::open_sources() {
  if (publisher_ && !committed_.empty() && !SLICEMILL_MUTATED("no_roll_forward")) {
    for (const auto& [slice, output] : committed_) sweep_->keep(output.key, output.attempt);
    settlement_->roll_forward(std::exchange(committed_, {}));
  }
  if (lifecycle_.drains()) {
    turn_soon();
    return;
  }
  const bool goes_on = resumed_ || ledger_->header().recovered;
  if (!recovery_->slices_anew() || (goes_on && !source_->can_resume())) {
    cannot_resume_ = recovery_->slices_anew();
    slicing_ = true;
    begin();
  } else if (recovery_->replays()) {
    begin();  // the slicers open when the replay is through
  } else {
    begin_slicing();
  }
}

void Controller::begin_slicing() {
  if (opening_slicers_) return;
  opening_slicers_ = true;
  source_->open([this](const Result<void>& opened) {
    slicing_ = true;
    begin();
    if (!opened) fail(opened.error());
  });
}

void Controller::begin() {
  if (lifecycle_.take(recovery_->replays() ? Event::ready_to_replay : Event::ready)) {
    worker_watch_->begin();
    if (lifecycle_.replays())
      parts_.loop.after(std::chrono::milliseconds(launch_.settings.min_status_ms),
                        [this, alive = std::weak_ptr<bool>(alive_)] {
                          if (alive.expired()) return;
                          replay_shown_ = true;
                          turn_soon();
                        });
  }
  if (link_) link_->report_soon();
  turn_soon();
}

// ---- going on
// ---------------------------------------------------------------------------------------------------------

void Controller::turn_soon() {
  if (turn_scheduled_) return;
  turn_scheduled_ = true;
  parts_.loop.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    turn_scheduled_ = false;
    turn();
  });
}

void Controller::turn() {
  ++turns_;
  if (lifecycle_.drains()) {
    conclude_if_drained();
    return;
  }
  if (!lifecycle_.works()) return;
  if (sweep_ && !dispatcher_->reattaching()) sweep_->begin();
  const ExecutionStatus before = shown_;
  if (lifecycle_.dispatches() && !obstacle_->up()) {
    const std::uint64_t ahead = dispatcher_->wanted_ahead();
    recovery_->fill(queue_.size(), ahead);
    redrive_->fill(queue_.size(), ahead);
    if (slicing_ && !cannot_resume_)
      source_->fill(queue_.size(), source_->is_endless() ? dispatcher_->least_ahead() : ahead);
    settlement_->set_subslices(source_->subslices());
    if (ledger_noted_) dispatcher_->set_open(true);
  }
  if (queuing_complete_ms_ == 0 && slicing_ && source_->exhausted()) queuing_complete_ms_ = parts_.loop.wall_ms();
  if (!slicing_ && !replaying()) begin_slicing();
  if (replay_shown_ && slicing_ && recovery_->slices_anew()) lifecycle_.take(Event::replayed);
  if (const std::string excess = quarantine_excess(false); !excess.empty()) give_up(excess);
  if (lifecycle_.works() && !obstacle_->up() && all_done()) {
    // Nobody stages output any more when it is cleaned up.
    if (auto* speculation = dispatcher_->speculation(); speculation != nullptr && speculation->revoked() > 0)
      speculation->end_revoked();
    else
      conclude_all_done();
  }
  shown_ = status();
  if (shown_ != before && link_) link_->report_soon();
}

// Anything of the present work that is not settled yet, but for what the slicers may still bring.
bool Controller::work_left() const {
  return !queue_.empty() || dispatcher_->leased() > 0 || dispatcher_->isolated() > 0 ||
         settlement_->in_progress() > 0 ||
         (settlement_->waiting_for_retry() > 0 && !SLICEMILL_MUTATED("forget_waiting")) || !recovery_->rows_read() ||
         !redrive_->finished();
}

bool Controller::replaying() const {
  return recovery_->replays() && !slicing_ && work_left();
}

bool Controller::all_done() const {
  if (!slicing_ || work_left() || writer_->busy()) return false;
  if (recovery_->replays() && !replay_shown_) return false;  // clients wait to see `recovering`
  return cannot_resume_ || !recovery_->slices_anew() || source_->exhausted();
}

ExecutionStatus Controller::status() const {
  if (lifecycle_.finished()) return outcome_.status;
  return lifecycle_.status({.obstructed = obstacle_->up(), .failing = failing_});
}

// Removed from outside, a ledger goes on being written into files that have no name any more, and all is lost with the
// process. Later: this is asked within a report.
void Controller::look_after_ledger() {
  if (lifecycle_.finished() || parts_.ledgers.exists(launch_.ledger_directory)) return;
  parts_.loop.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) ledger_failed(lost_ledger(launch_.ex_id, launch_.ledger_directory));
  });
}

const SliceCounters& Controller::durable_counters() const {
  return writer_->durable_counters();
}

void Controller::on_slice_error(const SliceKey& key, SliceState state) {
  source_->tell_settled(key, state);
  if (state != SliceState::error || failing_) return;
  failing_ = true;
  reason_ = fmt::format("execution {} has encountered a processing error, reason: slice failure {}", launch_.ex_id,
                        persistent_ ? "watch dog" : "event");
  if (persistent_) probation();
}

// A persistent execution is `running` again after a window without new failures and with progress.
void Controller::probation() {
  const auto counters = settlement_->counters();
  probation_failed_ = counters.failed;
  probation_processed_ = counters.processed;
  const auto window = std::chrono::milliseconds(job_.probation_ms);
  probation_timer_ = parts_.loop.after(window, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    const auto now = settlement_->counters();
    if (now.failed == probation_failed_ && now.processed > probation_processed_) {
      failing_ = false;
      reason_.clear();
      turn_soon();
    } else {
      probation();
    }
  });
}

// ---- verbs
// ------------------------------------------------------------------------------------------------------------

Error Controller::refusal(std::string_view what) const {
  return {code_of_refusal(status()),
          fmt::format("execution {} is {} and cannot be {}", launch_.ex_id, to_string(status()), what)};
}

void Controller::set_wanted(WantedState wanted, std::function<void()> then) {
  writer_->batch().wanted = wanted;
  writer_->after_sync(std::move(then));
}

void Controller::pause(Done done) {
  if (!lifecycle_.take(Event::pause)) {
    done(refusal("paused"));
    return;
  }
  dispatcher_->set_open(false);
  dispatcher_->recall_all();
  set_wanted(WantedState::paused, [this, done = std::move(done)] {
    if (auto passed = fault("paused"); !passed) {
      done(passed.error());
      return;
    }
    if (link_) link_->report_soon();
    done(status());
  });
}

void Controller::resume(Done done) {
  if (!lifecycle_.may(Event::resume)) {
    done(refusal("resumed"));
    return;
  }
  if (!parts_.ledgers.exists(launch_.ledger_directory)) {
    done(lost_ledger(launch_.ex_id, launch_.ledger_directory));
    look_after_ledger();
    return;
  }
  // Clients wait for `running` after a resume. The next slice that fails makes it `failing` again.
  if (status() == ExecutionStatus::paused && std::exchange(failing_, false)) {
    reason_.clear();
    parts_.loop.cancel(probation_timer_);
  }
  lifecycle_.take(Event::resume);
  set_wanted(WantedState::running, [this, done = std::move(done)] {
    if (link_) link_->report_soon();
    turn_soon();
    obstacle_->retry_now([this, done] { done(status()); });
  });
}

void Controller::stop(std::int64_t deadline_ms, Done done) {
  lifecycle_.take(Event::stop);
  if (!lifecycle_.drains()) {  // it ends already
    done(status());
    return;
  }
  begin_drain(deadline_ms);
  set_wanted(WantedState::stopping, [this, done = std::move(done)] {
    if (auto passed = fault("stopping"); !passed) {
      done(passed.error());
      return;
    }
    if (link_) link_->report_soon();
    turn_soon();
    done(status());
  });
}

void Controller::suspend(std::int64_t deadline_ms) {
  if (!lifecycle_.take(Event::suspend)) return;
  begin_drain(deadline_ms);
  turn_soon();
}

// Nothing new begins; what runs may finish until the deadline. A nearer deadline replaces a farther one.
void Controller::begin_drain(std::int64_t deadline_ms) {
  dispatcher_->set_open(false);
  source_->halt();
  recovery_->halt();
  redrive_->halt();
  left_open_ = left_open_ || settlement_->waiting_for_retry() > 0;
  settlement_->drop_waiting();
  dispatcher_->recall_all();
  dispatcher_->levels().dismiss_all();
  const auto due = parts_.loop.now() + std::chrono::milliseconds(deadline_ms);
  if (drain_due_ && *drain_due_ <= due) return;
  drain_due_ = due;
  parts_.loop.cancel(stop_timer_);
  stop_timer_ = parts_.loop.after(std::chrono::milliseconds(deadline_ms), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) on_stop_deadline();
  });
}

void Controller::on_stop_deadline() {
  if (!lifecycle_.drains()) return;
  auto slices = dispatcher_->break_leases();
  if (!slices.empty())
    log(LogLevel::warn, "the deadline of the stop has passed: {} running slices are given up", slices.size());
  left_open_ = left_open_ || !slices.empty();
  for (auto& slice : slices) settlement_->leave_open(std::move(slice));
  dispatcher_->workers().kill_all();
  past_deadline_ = true;
  turn_soon();
}

void Controller::fail(const Error& error) {
  give_up(to_text(SourceFailed{error.message}));
}

// What it has done stays done; what is open stays open, for a recovery.
void Controller::give_up(const std::string& reason) {
  if (!lifecycle_.take(Event::fatal)) return;
  log(LogLevel::error, "{}", reason);
  reason_ = reason;
  begin_drain(std::min(kFatalDrainMs, launch_.settings.shutdown_timeout_ms));
  if (link_) link_->report_soon();
  turn_soon();
}

// Records that a redrive quarantines again were there before: it makes none worse.
std::string Controller::quarantine_excess(bool at_end) const {
  if (recovery_->redrives()) return {};
  const SliceCounters counters = settlement_->counters();
  const std::string excess = quarantine_policy_.excess(counters.quarantined, counters.records_in, at_end);
  return excess.empty() ? "" : fmt::format("execution {}: {}", launch_.ex_id, excess);
}

}  // namespace slicemill::controller
