#include "execution-controller/slice_flow.h"

#include <optional>
#include <utility>

#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/dispatch/crash_cause.h"
#include "execution-controller/dispatch/crash_charge.h"

namespace slicemill::controller {

SliceFlow::SliceFlow(const ControllerParts& parts, const ControllerLaunch& launch, SliceLedger& ledger,
                     std::unique_ptr<OutputPublisher> publisher, Hooks hooks)
    : parts_(parts),
      launch_(launch),
      ledger_(ledger),
      hooks_(std::move(hooks)),
      analytics_(launch.job, ledger.header().figures),
      remarks_(ledger.header().remarks) {
  make_writer();
  output_ = std::make_unique<ExecutionOutput>(parts_.loop, ledger_, *writer_, std::move(publisher),
                                              ExecutionOutput::Hooks{.on_prepared =
                                                                         [this](const Result<void>& prepared) {
                                                                           if (!prepared) {
                                                                             output_failed(prepared.error());
                                                                             return;
                                                                           }
                                                                           is_ready_ = true;
                                                                           roll_forward();
                                                                           if (drains_)
                                                                             hooks_.on_change();
                                                                           else
                                                                             sources_->begin(has_begun_);
                                                                         },
                                                                     .on_joined = hooks_.on_joined,
                                                                     .on_obstacle = hooks_.on_obstacle,
                                                                     .on_fatal = hooks_.on_ledger_failed});
  make_settlement();
  make_dispatcher();
  make_sources();
}

// Of several sinks each names itself.
void SliceFlow::output_failed(const Error& error) {
  const Plan& plan = launch_.job.plan;
  const auto sinks = plan.sinks();
  hooks_.on_fatal(
      OutputFailed{sinks.size() == 1 ? with_context(error, plan.place(sinks.front())).message : error.message});
}

void SliceFlow::make_writer() {
  writer_ = std::make_unique<LedgerWriter>(
      parts_.loop, ledger_,
      [this](LedgerBatch& batch) {
        batch.counters = settlement_->tally().counters();
        LedgerFigures& figures = batch.figures.emplace();
        figures.completed_extent = settlement_->tally().completed_extent();
        figures.failed_extent = settlement_->tally().failed_extent();
        figures.source_extents = sources_->source().totals();
        analytics_.put(figures);
      },
      hooks_.on_ledger_failed,
      hooks_.on_change);  // the end waits for the last batch, whatever is in it
}

void SliceFlow::make_settlement() {
  settlement_ = std::make_unique<Settlement>(
      parts_.loop, *writer_, output_->publisher(), ledger_.header(),
      RetryPolicy{.max_retries = launch_.job.max_retries, .base_ms = launch_.settings.retry_base_ms},
      Settlement::Hooks{.on_retry =
                            [this](ActiveSlice slice) {
                              queue_.push_front(std::move(slice));
                              hooks_.on_change();
                            },
                        .on_isolated = [this](ActiveSlice slice) { dispatcher_->push_isolated(std::move(slice)); },
                        .on_slice_failed = hooks_.on_slice_failed,
                        .on_noted = [this](const SliceKey& key) { sources_->noted(key); },
                        .on_change = hooks_.on_change,
                        .on_obstacle = hooks_.on_obstacle,
                        .on_unfenced = [this](const Error& error) { output_failed(error); },
                        .on_fatal = hooks_.on_ledger_failed,
                        .hears = [this](std::uint32_t slicer) { return sources_->source().hears(slicer); },
                        .hear = [this](Completion completion,
                                       auto record) { sources_->hear(std::move(completion), std::move(record)); },
                        .policy = [this](const ActiveSlice& slice) { return sources_->policy_of(slice); }});
}

void SliceFlow::make_dispatcher() {
  const LedgerHeader& header = ledger_.header();
  const JobSpec& job = launch_.job;
  Dispatcher::Options options{
      .epoch = header.epoch,
      .lineage = header.lineage,
      .job = to_compact_text(to_json(job)),
      .log_level = job.log_level.empty() ? "info" : job.log_level,
      .settings = launch_.settings,
      .expected_workers = launch_.living_workers,
      .retries = RetryPolicy{.max_retries = job.max_retries, .base_ms = launch_.settings.retry_base_ms},
      .speculation = {job.speculation}};
  if (parts_.monitor != nullptr) options.controller = identity_of(parts_);
  options.looks_at_pulses = parts_.has_pulses;
  dispatcher_ = std::make_unique<Dispatcher>(
      parts_.loop, parts_.workers, parts_.monitor, queue_, *writer_, std::move(options),
      Dispatcher::Hooks{
          .on_result =
              [this](ActiveSlice slice, const wire::SliceResult& result) {
                if (result.outcome != wire::Outcome::obstructed && result.outcome != wire::Outcome::awaits)
                  analytics_.add(result);
                settlement_->on_result(std::move(slice), result);
              },
          .on_span_completed =
              [this](const SliceSpan& span, const wire::SliceResult& result) {
                analytics_.add(result);
                settlement_->on_span_completed(span, result);
              },
          .on_crash =
              [this](ActiveSlice slice, const std::string& cause) {
                settlement_->on_crash(std::move(slice), crash_cause(cause, launch_.job.worker_memory_limit));
              },
          .on_refused = [this] { settlement_->tally().add_refused(); },
          .on_remarks = [this](const std::vector<Remark>& remarks) { take_remarks(remarks); },
          .on_change = hooks_.on_change,
          .on_fatal = [this](const Error& error) { hooks_.on_fatal(OtherReason{error.message}); },
          .on_lost = hooks_.on_worker_lost,
          .on_adopted = [this](const SliceKey& key, const Attempt& attempt) { output_->keep(key, attempt); },
          .on_attempts_lost = [this](const SliceAttempts& attempts) { output_->lost(attempts); },
          .after_recorded =
              [this](std::function<void()> then) {
                settlement_->after_decided([this, then = std::move(then)] { sources_->after_recorded(then); });
              }});
}

void SliceFlow::make_sources() {
  sources_ = std::make_unique<WorkSources>(
      parts_.loop, ledger_, *writer_, parts_.files, queue_, launch_.job,
      WorkSources::Hooks{.on_isolated = [this](ActiveSlice slice) { dispatcher_->push_isolated(std::move(slice)); },
                         .on_charged =
                             [this](ActiveSlice slice) {
                               settlement_->on_crash(std::move(slice),
                                                     "an unknown cause, together with its controller");
                             },
                         .on_change = hooks_.on_change,
                         .on_ready = hooks_.on_ready,
                         .on_notice = hooks_.on_notice,
                         .on_fatal = [this](const Error& error) { hooks_.on_fatal(SourceFailed{error.message}); },
                         .on_ledger_failed = hooks_.on_ledger_failed});
}

Result<void> SliceFlow::load() {
  ASSIGN_OR_RETURN(committed_, sources_->load());
  charge_the_dead(launch_.marker_directory, parts_.monitor, parts_.files, ledger_.header().epoch,
                  [this](const SliceKey& key, const Attempt& attempt) { sources_->charge(key, attempt); });
  return {};
}

void SliceFlow::begin(bool has_begun) {
  has_begun_ = has_begun;
  output_->prepare(!has_begun);
}

void SliceFlow::roll_forward() {
  if (committed_.empty() || SLICEMILL_MUTATED("no_roll_forward")) return;
  for (const auto& [slice, output] : committed_) output_->keep(output.key, output.attempt);
  settlement_->roll_forward(std::exchange(committed_, {}));
}

void SliceFlow::take_remarks(const std::vector<Remark>& remarks) {
  bool is_changed = false;
  for (const Remark& remark : remarks) is_changed = add_remark(remarks_, remark) || is_changed;
  if (is_changed) writer_->batch().remarks = remarks_;
}

void SliceFlow::feed(bool may_dispatch) {
  sources_->fill(queue_.size(), dispatcher_->wanted_ahead(), dispatcher_->least_ahead());
  settlement_->tally().set_subslices(sources_->source().subslices());
  if (may_dispatch) dispatcher_->set_open(true);
}

void SliceFlow::slice_on() {
  if (!is_replaying()) sources_->open_slicers();
}

void SliceFlow::hold() {
  dispatcher_->set_open(false);
  dispatcher_->recall_all();
}

void SliceFlow::go_on() {
  settlement_->go_on();
  output_->go_on();
}

void SliceFlow::drain() {
  drains_ = true;
  sources_->halt();
  left_open_ = left_open_ || settlement_->waiting_for_retry() > 0;
  for (auto& slice : settlement_->drop_waiting()) given_up_.push_back(std::move(slice));
  hold();
  dispatcher_->levels().dismiss_all();
}

void SliceFlow::break_off() {
  auto slices = dispatcher_->break_leases();
  if (!slices.empty())
    log(LogLevel::warn, "the deadline of the stop has passed: {} running slices are given up", slices.size());
  left_open_ = left_open_ || !slices.empty();
  for (auto& slice : settlement_->drop_unfenced()) slices.push_back(std::move(slice));
  for (auto& slice : slices) {
    slice.has_row = true;
    given_up_.push_back(slice);
    settlement_->leave_open(std::move(slice));
  }
  dispatcher_->workers().kill_all();
}

bool SliceFlow::fence_rest(const std::function<void()>& then) {
  const bool may_have_written = is_ready_ || has_begun_;
  if (fenced_ == Fenced::yes || !may_have_written) return true;
  if (fenced_ == Fenced::under_way) return false;
  fenced_ = Fenced::under_way;
  for (auto& slice : queue_.take_tried()) given_up_.push_back(std::move(slice));
  left_open_ = left_open_ || !given_up_.empty();
  settlement_->fence_rest(std::exchange(given_up_, {}), [this, then](const std::string& trouble) {
    unfenced_ = trouble;
    fenced_ = Fenced::yes;
    then();
  });
  return fenced_ == Fenced::yes;
}

void SliceFlow::leave_unpublished() {
  if (!settlement_->leave_unpublished()) return;
  left_open_ = true;
  output_->leave_staged();
}

// Anything of the present work that is not settled yet, but for what the slicers may still bring.
bool SliceFlow::work_left() const {
  return !queue_.empty() || dispatcher_->leased() > 0 || dispatcher_->isolated() > 0 ||
         settlement_->in_progress() > 0 ||
         (settlement_->waiting_for_retry() > 0 && !SLICEMILL_MUTATED("forget_waiting")) || !sources_->stored_given();
}

bool SliceFlow::all_done() const {
  return sources_->slicers_given() && !work_left() && !writer_->busy();
}

bool SliceFlow::leaves_nothing_open() const {
  if (left_open_ || !sources_->slicers_decided() || work_left()) return false;
  return !sources_->slices_anew() || sources_->source_exhausted();
}

bool SliceFlow::is_drained(bool past_deadline) const {
  // What is being made ready would be cleaned up beneath.
  if (output_->is_preparing() || dispatcher_->leased() > 0 || writer_->busy()) return false;
  // Workers may stage output, those of an earlier controller too.
  return past_deadline || (dispatcher_->workers().size() == 0 && !dispatcher_->reattaching());
}

bool SliceFlow::all_of_lineage_done() const {
  const auto counts = ledger_.open_counts();
  return counts && counts->error + counts->start + counts->pending == 0 && sources_->source_exhausted();
}

}  // namespace slicemill::controller
