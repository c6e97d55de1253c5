#include "execution-controller/sources/slicer_lane.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/settlement/retry_policy.h"

namespace slicemill::controller {
namespace {

constexpr RetryPolicy kSlicerRetries{.max_retries = 6, .base_ms = 250};

// Trouble of the source that may pass; anything else is the job's own fault.
bool source_may_recover(const Error& error) {
  return error.retryable &&
         (error.code == ErrorCode::io || error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout);
}

}  // namespace

SlicerLane::SlicerLane(Surroundings surroundings, std::uint32_t id, SlicerPosition position,
                       std::optional<std::uint64_t> total, Hooks hooks)
    : all_(std::move(surroundings)),
      id_(id),
      source_(all_.job.plan.source_of(SLICEMILL_MUTATED("cut_one_source") ? 0 : id)),
      hooks_(std::move(hooks)),
      policy_(slice_policy(all_.job.plan, source_)),
      slicer_(make_source_slicer(all_.job.plan, source_)),
      position_(std::move(position)),
      total_(total) {}

SlicerLane::Opening SlicerLane::opening() const {
  const bool shares_input = all_.job.plan.sources().size() == 1;
  return {slicer_,
          {.job = all_.job,
           .options = all_.job.plan.operation(source_).options,
           .slicer = shares_input ? id_ : 0,
           .slicers = shares_input ? slicers_of(all_.job) : 1,
           .persistent = all_.job.persistent,
           .epoch = all_.epoch,
           .now = [&loop = all_.loop] { return loop.now(); },
           .files = &all_.files,
           .cancelled = all_.halted},
          position_.position};
}

// Nothing of ours is touched on the executor: a source that hangs there may outlive us.
void SlicerLane::open() {
  if (failures_ > 0) slicer_ = make_source_slicer(all_.job.plan, source_);
  auto result = std::make_shared<Result<void>>();
  all_.loop.offload_to_lane(
      id_,
      [opening = opening(), result] {
        *result = fault("opening");
        if (*result) *result = opening.slicer->open(opening.context, opening.position);
      },
      [this, result, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) opened(*result);
      });
}

void SlicerLane::opened(const Result<void>& result) {
  if (!result) {
    const bool is_wanted = !all_.halted->load();
    if (is_wanted && try_again(result.error(), "the source cannot be opened", &SlicerLane::open)) return;
    is_broken_ = true;
    record(false);
    hooks_.on_opened(is_wanted ? result : Result<void>());  // one that was interrupted has not failed
    return;
  }
  failures_ = 0;
  is_open_ = true;
  is_endless_ = slicer_->is_endless();
  tell();  // workers of an earlier controller may have told of completions
  hooks_.on_opened(result);
}

bool SlicerLane::try_again(const Error& error, const char* what, void (SlicerLane::*again)()) {
  if (!source_may_recover(error) || !kSlicerRetries.may_retry(failures_, true)) return false;
  const auto delay = kSlicerRetries.backoff_ms(failures_++, all_.loop.random());
  log(LogLevel::warn, "{}: {}; next try in {} ms", what, error.message, delay);
  all_.loop.after(std::chrono::milliseconds(delay), [this, again, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) (this->*again)();
  });
  return true;
}

bool SlicerLane::may_be_asked() const {
  return is_open_ && !in_turn_ && !finished_turns_ && !position_.finished && !idle_ &&
         (!awaits_completions_ || SLICEMILL_MUTATED("poll_for_completions"));
}

void SlicerLane::ask(std::size_t wanted) {
  take_turn([wanted](Slicer& slicer) { return slicer.next(wanted); });
}

void SlicerLane::take_turn(std::function<Result<SliceBatch>(Slicer&)> work) {
  in_turn_ = true;
  auto turn = std::make_shared<Result<SliceBatch>>(SliceBatch{});
  // A turn that failed may have passed over what it had cut already: it is cut again, from the last one that was good.
  std::optional<Opening> reopening;
  if (failures_ > 0 && slicer_->is_recoverable()) {
    slicer_ = make_source_slicer(all_.job.plan, source_);
    reopening = opening();
  }
  all_.loop.offload_to_lane(
      id_,
      [slicer = slicer_, turn, work = std::move(work), reopening = std::move(reopening)] {
        if (auto passed = fault("slicing"); !passed) {
          *turn = passed.error();
        } else if (auto opened = reopening ? slicer->open(reopening->context, reopening->position) : passed; !opened) {
          *turn = opened.error();
        } else {
          *turn = work(*slicer);
        }
      },
      [this, turn, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) finish_turn(std::move(*turn));
      });
}

void SlicerLane::finish_turn(Result<SliceBatch> result) {
  // Stopped meanwhile: what was cut but not created is cut again from the stored position. What became of slices is
  // recorded all the same, with what follows from it.
  if (all_.halted->load() && told_.empty()) {
    end_turn();
    return;
  }
  if (!result) {
    fail(result.error());
    return;
  }
  failures_ = 0;
  SliceBatch& turn = *result;
  note(turn);
  // Looking in vain is no change: nothing is to be written.
  const bool is_change = !turn.runs.empty() || turn.finished || turn.position != position_.position;
  if (!is_change && told_.empty()) {
    end_turn();
    return;
  }
  if (!SLICEMILL_MUTATED("births_without_settlement")) record(true);
  auto created = std::make_shared<std::vector<OpenRange>>(create(turn));
  if (SLICEMILL_MUTATED("dispatch_before_sync"))
    for (auto& range : std::exchange(*created, {})) hooks_.on_created(std::move(range));
  all_.writer.after_sync([this, created] {
    if (SLICEMILL_MUTATED("births_without_settlement")) record(true);
    position_.finished = finished_turns_;
    if (!created->empty() && !fault("created")) {
      hooks_.on_fatal(Error(ErrorCode::io, "fault point created fired"));
      return;
    }
    for (auto& range : *created) hooks_.on_created(std::move(range));
    end_turn();
  });
}

void SlicerLane::fail(const Error& error) {
  if (try_again(error, "the source cannot be read", &SlicerLane::be_free)) return;
  is_broken_ = true;
  record(false);
  hooks_.on_fatal(error);
}

// What it is to be told goes before what it is to be asked.
void SlicerLane::be_free() {
  in_turn_ = false;
  tell();
  hooks_.on_free();
}

void SlicerLane::end_turn() {
  in_turn_ = false;
  tell();
  hooks_.on_change();
}

// What a turn says beside its slices.
void SlicerLane::note(SliceBatch& turn) {
  subslices_ += turn.subslices;
  if (turn.total) total_ = turn.total;
  for (const std::string& notice : turn.notices) {
    log(LogLevel::warn, "{}", notice);
    if (hooks_.on_notice) hooks_.on_notice(notice);
  }
  awaits_completions_ = turn.awaits_completions;
  if (turn.idle_ms > 0 && !turn.finished) {
    idle_ = true;
    all_.loop.after(std::chrono::milliseconds(turn.idle_ms), [this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      idle_ = false;
      hooks_.on_free();
    });
  }
  if (waits_for_ == turn.waits_for) return;
  waits_for_ = std::move(turn.waits_for);
  if (waits_for_.empty()) return log(LogLevel::info, "slicer {} goes on", id_);
  log(LogLevel::warn, "slicer {} waits: {}", id_, waits_for_);
  if (hooks_.on_notice) hooks_.on_notice("the source waited: " + waits_for_);
}

// Its slices and its position go into the batch that is being gathered.
std::vector<OpenRange> SlicerLane::create(SliceBatch& turn) {
  auto& batch = all_.writer.batch();
  std::vector<OpenRange> created;
  for (auto& requests : turn.runs) {
    auto run = std::make_shared<SliceRun>(SliceRun{.generation = all_.generation,
                                                   .slicer = id_,
                                                   .first_order = position_.highest_order + 1,
                                                   .created_ms = all_.loop.wall_ms(),
                                                   .requests = std::move(requests)});
    const std::uint64_t count = run->count();
    if (count == 0) continue;
    position_.highest_order += count;
    if (!SLICEMILL_MUTATED("position_without_creation")) batch.created.push_back(*run);
    created.push_back({run, 0, count});
  }
  position_.position = turn.position;
  finished_turns_ = turn.finished;
  SlicerPosition stored = position_;
  stored.finished = turn.finished;
  batch.positions[id_] = stored;
  return created;
}

// ---- completions ----

void SlicerLane::hear(Completion completion, std::function<void(bool)> record) {
  if (is_broken_) {
    record(false);
    return;
  }
  waiting_.push_back({std::move(completion), std::move(record)});
  tell();
}

// All that waits, in one turn.
void SlicerLane::tell() {
  if (!is_open_ || in_turn_ || !has_untold()) return;
  std::ranges::move(std::exchange(waiting_, {}), std::back_inserter(told_));
  auto completions = std::make_shared<std::vector<Completion>>();
  for (const Heard& heard : told_)
    for (int times = SLICEMILL_MUTATED("tell_twice") ? 2 : 1; times > 0; --times)
      completions->push_back(heard.completion);
  take_turn([completions](Slicer& slicer) { return slicer.on_completed(*completions, kLeastPerTurn); });
}

void SlicerLane::record(bool heard) {
  for (const Heard& one : std::exchange(told_, {})) one.record(heard);
  if (!heard)
    for (const Heard& one : std::exchange(waiting_, {})) one.record(false);
  if (!waiting_.empty()) return;
  for (auto& then : std::exchange(then_, {})) then();
}

}  // namespace slicemill::controller
