#include "execution-controller/controller.h"

#include <algorithm>
#include <utility>

#include "connectors/sink_types.h"
#include "core/model/end_reason.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"

namespace slicemill::controller {

// ---- beginning ----

Result<std::unique_ptr<Controller>> Controller::open(const Parts& parts, const ControllerLaunch& launch) {
  if (launch.job.plan.empty()) return Error(ErrorCode::invalid, "the job has no operations");
  ASSIGN_OR_RETURN(ExecutionLedger opened, open_execution_ledger(parts.loop, parts.ledgers, launch));
  // Nothing that others notice comes before this: who does not hold the ledger would take the workers from who does.
  RETURN_IF_ERROR(parts.workers.listen());
  const LedgerHeader& header = opened.ledger->header();
  const bool has_ended = header.outcome.has_value();
  ASSIGN_OR_RETURN(auto publisher, make_publisher(launch.job, sink_types(),
                                                  {header.lineage, parts.files, header.joined, process_connections()}));
  auto controller = std::unique_ptr<Controller>(new Controller(parts, launch, std::move(opened), std::move(publisher)));
  if (!has_ended) RETURN_IF_ERROR(controller->flow_->load());
  controller->reports_.load();
  return controller;
}

Controller::Controller(const Parts& parts, const ControllerLaunch& launch, ExecutionLedger ledger,
                       std::unique_ptr<OutputPublisher> publisher)
    : parts_(parts),
      launch_(launch),
      ledger_(std::move(ledger)),
      lifecycle_(SLICEMILL_MUTATED("forget_wanted") ? WantedState::running : ledger_.ledger->header().wanted),
      flow_(std::make_unique<SliceFlow>(parts_, launch_, *ledger_.ledger, std::move(publisher), flow_hooks())),
      probation_(
          parts_.loop, launch_.job,
          {.counters = [this] { return flow_->settlement().tally().counters(); }, .on_over = [this] { step_soon(); }}),
      obstacle_(parts_.loop, {.probe = [this](const Obstacle::Answer& answer) { flow_->output().probe(answer); },
                              .on_raised = [this] { obstacle_raised(); },
                              .on_cleared = [this] { obstacle_cleared(); }}),
      worker_watch_(parts_.loop, launch_.ex_id, launch_.settings, watch_hooks()),
      reports_({parts_, launch_, *ledger_.ledger, lifecycle_, *flow_, obstacle_, worker_watch_}, ledger_.resumed),
      verbs_({parts_, launch_, lifecycle_, *flow_, obstacle_, probation_},
             {.status = [this] { return status(); },
              .on_change =
                  [this] {
                    report_soon();
                    step_soon();
                  },
              .on_ledger_missing = [this] { look_after_ledger(); }}),
      conclusion_(parts_.loop, launch_, lifecycle_, *flow_, conclusion_hooks()),
      requests_(parts_.loop, *ledger_.ledger,
                {.pause = [this](Done done) { verbs_.pause(std::move(done)); },
                 .resume = [this](Done done) { verbs_.resume(std::move(done)); },
                 .stop =
                     [this](std::optional<std::int64_t> deadline_ms, Done done) {
                       verbs_.stop(deadline_ms.value_or(launch_.settings.shutdown_timeout_ms), std::move(done));
                     },
                 .stats = [this] { return encode_stats(reports_.stats(present())); },
                 .answer = [this](wire::Answer answer) { link_->answer(std::move(answer)); }}) {
  told_.ledger_noted = launch_.ledger_was_made || !launch_.master_notes_ledger;
  if (parts_.master != nullptr) make_link();
}

Controller::~Controller() {
  if (auto closed = ledger_.ledger->close(); !closed)
    log(LogLevel::warn, "closing the ledger: {}", closed.error().message);
}

SliceFlow::Hooks Controller::flow_hooks() {
  return {.on_change = [this] { step_soon(); },
          .on_ready = [this](const Result<void>& opened) { sources_ready(opened); },
          .on_joined =
              [this](const Result<void>& joined) {
                conclusion_.conclude(joined ? Event::all_done : Event::all_done_with_errors,
                                     joined ? "" : joined.error().message);
              },
          .on_slice_failed = [this] { probation_.slice_failed(); },
          .on_obstacle = [this](const Error& error) { output_obstructed(error); },
          .on_fatal = [this](const EndReason& reason) { verbs_.give_up(to_text(reason)); },
          .on_ledger_failed = [this](const Error& error) { conclusion_.ledger_failed(error); },
          .on_worker_lost =
              [this](const ProcessIdentity& process, const std::string& reason) {
                if (link_) link_->worker_lost(process, reason);
              },
          .on_notice = [this](const std::string& notice) { reports_.take_notice(notice); }};
}

WorkerWatch::Hooks Controller::watch_hooks() {
  return {.counts = [this] { return flow_->dispatcher().workers().counts(); },
          .excused = [this] { return !lifecycle_.dispatches() || obstacle_.up() || told_.workers_wait; },
          .on_alone = [this](const Error& error) { fail(error); },
          .on_change = [this] { report_soon(); }};
}

Conclusion::Hooks Controller::conclusion_hooks() {
  return {.report = [this] { return report(); },
          .stats_at_end = [this] { return reports_.stats_at_end(present()); },
          .on_change = [this] { step_soon(); },
          .on_finished = [this](const ControllerOutcome& outcome) { on_finished_(outcome); }};
}

void Controller::make_link() {
  link_ = std::make_unique<MasterLink>(
      parts_.loop, *parts_.master, launch_.ex_id, ledger_.ledger->header().epoch, identity_of(parts_), launch_.settings,
      MasterLink::Hooks{
          .on_verb = [this](const wire::Verb& verb) { requests_.on_verb(verb); },
          .on_query = [this](const wire::Query& query) { requests_.on_query(query); },
          .on_worker_exit = [this](std::int64_t pid,
                                   const std::string& cause) { flow_->dispatcher().on_exit_cause(pid, cause); },
          .on_wanted = [this](const wire::Wanted& wanted) { on_wanted(wanted); },
          .on_ledger_noted =
              [this] {
                told_.ledger_noted = true;
                step_soon();
              },
          .report =
              [this] {
                look_after_ledger();
                return report();
              },
          .on_workers_wait = [this](const std::string& reason) { told_.workers_wait = !reason.empty(); },
          .same_report =
              [this] {
                look_after_ledger();
                return steps_.taken == steps_.reported && !obstacle_.up() && parts_.loop.waits_for().empty();
              }},
      parts_.has_pulses ? parts_.monitor : nullptr);
  conclusion_.set_link(link_.get());
  if (!told_.ledger_noted) link_->tell_ledger();
}

void Controller::start(std::function<void(ControllerOutcome)> on_finished) {
  on_finished_ = std::move(on_finished);
  if (link_) link_->start();
  const LedgerHeader& header = ledger_.ledger->header();
  if (header.outcome) {
    const auto owed = ledger_.ledger->unpublished_outputs();
    conclusion_.found(*header.outcome, header.counters, !owed || !owed->empty());
    return;
  }
  if (lifecycle_.drains()) verbs_.drain();  // an earlier controller was told to
  flow_->begin(ledger_.resumed || header.recovered);
}

// Slices may be asked for: stored ones, or those of the slicers, which may have opened in the middle of the work.
void Controller::sources_ready(const Result<void>& opened) {
  if (lifecycle_.take(flow_->sources().replays() ? Event::ready_to_replay : Event::ready)) {
    worker_watch_.begin();
    if (lifecycle_.replays())
      parts_.loop.after(std::chrono::milliseconds(launch_.settings.min_status_ms),
                        [this, alive = std::weak_ptr<bool>(alive_)] {
                          if (alive.expired()) return;
                          replay_shown_ = true;
                          step_soon();
                        });
  }
  report_soon();
  step_soon();
  if (!opened) fail(opened.error());
}

// ---- going on ----

void Controller::step_soon() {
  if (std::exchange(steps_.scheduled, true)) return;
  parts_.loop.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    steps_.scheduled = false;
    step();
  });
}

void Controller::step() {
  ++steps_.taken;
  if (lifecycle_.drains()) conclusion_.conclude_if_drained(verbs_, obstacle_.up());
  if (!lifecycle_.works()) return;
  if (!flow_->dispatcher().reattaching()) flow_->output().begin_sweep();
  if (lifecycle_.dispatches() && !obstacle_.up()) flow_->feed(told_.ledger_noted);
  const WorkSources& sources = flow_->sources();
  if (sources.slicers_decided() && sources.source_exhausted()) reports_.queuing_is_complete();
  flow_->slice_on();
  if (replay_shown_ && sources.slicers_decided() && sources.slices_anew()) lifecycle_.take(Event::replayed);
  if (const std::string excess = conclusion_.quarantine_excess(false); !excess.empty()) verbs_.give_up(excess);
  // Clients wait to see `recovering`.
  const bool may_end = lifecycle_.works() && !obstacle_.up() && (!sources.replays() || replay_shown_);
  if (may_end && flow_->all_done()) {
    // Nobody stages output any more when it is cleaned up.
    if (auto* speculation = flow_->dispatcher().speculation(); speculation != nullptr && speculation->revoked() > 0)
      speculation->end_revoked();
    else
      conclusion_.conclude_all_done();
  }
  if (std::exchange(steps_.shown, status()) != status()) report_soon();
}

ExecutionStatus Controller::status() const {
  if (lifecycle_.finished()) return conclusion_.outcome().status;
  return lifecycle_.status({.obstructed = obstacle_.up(), .failing = probation_.is_failing()});
}

// Removed from outside, a ledger goes on being written into files that have no name any more, and all is lost with the
// process. Later: this is asked within a report.
void Controller::look_after_ledger() {
  if (lifecycle_.finished() || parts_.ledgers.exists(launch_.ledger_directory)) return;
  parts_.loop.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) conclusion_.ledger_failed(lost_ledger(launch_.ex_id, launch_.ledger_directory));
  });
}

ControllerReports::Present Controller::present() const {
  std::string reason = verbs_.fatal_reason().empty() ? probation_.reason() : verbs_.fatal_reason();
  if (lifecycle_.finished()) reason = conclusion_.outcome().reason;
  return {.status = status(),
          .reason = std::move(reason),
          .outcome = conclusion_.outcome(),
          .wanted_workers = told_.wanted_workers,
          .finished_ms = conclusion_.finished_ms()};
}

StatusReport Controller::report() {
  steps_.reported = steps_.taken;
  return reports_.report(present());
}

void Controller::report_soon() {
  if (link_) link_->report_soon();
}

void Controller::on_wanted(const wire::Wanted& wanted) {
  told_.wanted_workers = wanted.workers;
  WorkerLevels& levels = flow_->dispatcher().levels();
  levels.set_wanted(wanted.workers);
  const auto level = parse_log_level(wanted.log_level);
  if (level && wanted.log_level != levels.log_level()) {
    set_log_level(*level);
    levels.set_log_level(wanted.log_level);
  }
  report_soon();
}

void Controller::fail(const Error& error) {
  verbs_.give_up(to_text(SourceFailed{error.message}));
}

// ---- obstacles ----
//
// An obstacle closes dispatch and takes back what nobody has begun. Nothing is charged for it: staged and committed
// outputs wait, slices that could not be staged go back to the queue. It is left in the order in which it was met:
// first what is committed is published, then slices are dispatched again.

void Controller::output_obstructed(const Error& error) {
  if (lifecycle_.obstacles_count())
    obstacle_.raise(error.code == ErrorCode::unavailable ? kOtherSystem : "output", error);
  step_soon();
}

void Controller::obstacle_raised() {
  flow_->hold();
  report_soon();
  // What a job says to wait for is waited for by any process.
  if (!parts_.leaves_at_obstacle || obstacle_.view()->where == kOtherSystem || !lifecycle_.may(Event::suspend)) return;
  conclusion_.set_obstacle(Error(ErrorCode::no_space, obstacle_.reason()));
  verbs_.suspend(launch_.settings.shutdown_timeout_ms);
}

void Controller::obstacle_cleared() {
  flow_->go_on();
  report_soon();
  step_soon();
}

}  // namespace slicemill::controller
