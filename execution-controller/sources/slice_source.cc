#include "execution-controller/sources/slice_source.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/settlement/retry_policy.h"

namespace slicemill::controller {
namespace {

constexpr std::uint64_t kSlicesPerTurn = 4096;
constexpr std::uint64_t kLeastPerTurn = 256;
constexpr RetryPolicy kSlicerRetries{.max_retries = 6, .base_ms = 250};

// Trouble of the source that may pass; anything else is the job's own fault.
bool source_may_recover(const Error& error) {
  return error.retryable &&
         (error.code == ErrorCode::io || error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout);
}

}  // namespace

struct SliceSource::Heard {
  Completion completion;
  std::function<void(bool heard)> record;
};

struct SliceSource::State {
  std::uint32_t id = 0;
  std::size_t source = 0;          // number of the node in the plan
  std::shared_ptr<Slicer> slicer;  // shared with the executor while a turn is under way
  SlicerPosition position;
  bool is_open = false;
  bool in_turn = false;
  bool finished_turns = false;  // the slicer said so; `position.finished` follows when that is durable
  bool idle = false;
  std::string waits_for;
  std::uint32_t failures = 0;
  SlicePolicyOf policy;
  // Of slicers that hear completions.
  bool awaits_completions = false;          // it has nothing to give before
  bool is_broken = false;                   // it cannot go on: nothing is told any more
  std::vector<Heard> waiting;               // not told yet
  std::vector<Heard> told;                  // in the turn that is under way
  std::vector<std::function<void()>> then;  // once those that wait are told
};

SliceSource::SliceSource(Loop& loop, LedgerWriter& writer, Files& files, const LedgerHeader& header, const JobSpec& job,
                         Hooks hooks)
    : loop_(loop),
      writer_(writer),
      files_(files),
      generation_(header.generation()),
      epoch_(header.epoch),
      job_(job),
      hooks_(std::move(hooks)),
      totals_(header.figures.source_extents) {
  const std::uint32_t count = slicers_of(job_);
  for (std::uint32_t id = 0; id < count; ++id) {
    auto state = std::make_unique<State>();
    state->id = id;
    state->source = job_.plan.source_of(SLICEMILL_MUTATED("cut_one_source") ? 0 : id);
    state->slicer = make_source_slicer(job_.plan, state->source);
    if (!state->slicer) break;
    state->policy = slice_policy(job_.plan, state->source);
    if (const auto stored = header.positions.find(id); stored != header.positions.end())
      state->position = stored->second;
    states_.push_back(std::move(state));
  }
}

SliceSource::~SliceSource() {
  halt();
}

void SliceSource::halt() {
  halted_ = true;
  cancelled_->store(true);
}

bool SliceSource::can_resume() const {
  return !states_.empty() &&
         std::all_of(states_.begin(), states_.end(), [](const auto& s) { return s->slicer->is_recoverable(); });
}

SliceSource::Opening SliceSource::opening_of(const State& state) const {
  const bool shares_input = job_.plan.sources().size() == 1;
  return {state.slicer,
          {.job = job_,
           .options = job_.plan.operation(state.source).options,
           .slicer = shares_input ? state.id : 0,
           .slicers = shares_input ? static_cast<std::uint32_t>(states_.size()) : 1,
           .persistent = job_.persistent,
           .epoch = epoch_,
           .now = [&loop = loop_] { return loop.now(); },
           .files = &files_,
           .cancelled = cancelled_},
          state.position.position};
}

void SliceSource::open(std::function<void(Result<void>)> done) {
  on_opened_ = std::move(done);
  if (states_.empty()) {
    tell_opened(Error(ErrorCode::invalid, "the reader has no slicer"));
    return;
  }
  bool opens_any = false;
  for (auto& state : states_) {
    if (state->position.finished) continue;
    opens_any = true;
    open_one(*state);
  }
  if (opens_any) return;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) tell_opened({});
  });
}

// Nothing of ours is touched on the executor: a source that hangs there may outlive us, and delays no other.
void SliceSource::open_one(State& state) {
  if (state.failures > 0) state.slicer = make_source_slicer(job_.plan, state.source);
  auto result = std::make_shared<Result<void>>();
  loop_.offload_to_lane(
      state.id,
      [opening = opening_of(state), result] {
        *result = fault("opening");
        if (*result) *result = opening.slicer->open(opening.context, opening.position);
      },
      [this, &state, result, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) opened(state, *result);
      });
}

void SliceSource::opened(State& state, const Result<void>& result) {
  if (result) {
    state.failures = 0;
    state.is_open = true;
    endless_ = endless_ || state.slicer->is_endless();
    hear_turn(state);  // workers of an earlier controller may have told of completions
    tell_opened(result);
    return;
  }
  const Error& error = result.error();
  if (halted_ || !source_may_recover(error) || !kSlicerRetries.may_retry(state.failures, true)) {
    state.is_broken = true;
    record_heard(state, false);
    tell_opened(result);
    return;
  }
  const auto delay = kSlicerRetries.backoff_ms(state.failures++, loop_.random());
  log(LogLevel::warn, "the source cannot be opened: {}; next try in {} ms", error.message, delay);
  loop_.after(std::chrono::milliseconds(delay), [this, &state, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) open_one(state);
  });
}

// The first one that opened, or failed to, decides for all; what becomes of others is told as it comes.
void SliceSource::tell_opened(const Result<void>& result) {
  if (on_opened_)
    std::exchange(on_opened_, nullptr)(result);
  else if (result)
    hooks_.on_change();
  else
    hooks_.on_fatal(result.error());
}

void SliceSource::fill(std::uint64_t waiting, std::uint64_t ahead) {
  last_waiting_ = waiting;
  last_ahead_ = ahead;
  if (halted_ || waiting >= ahead) return;
  // A run is worth its record if it is not short; where few slices are wanted, one is enough.
  const std::uint64_t missing = ahead - waiting;
  const std::uint64_t least = endless_ ? std::clamp<std::uint64_t>(ahead / 4, 1, kLeastPerTurn) : kLeastPerTurn;
  if (endless_ && missing < least) return;
  for (auto& state : states_)
    if (state->is_open && !state->in_turn && !state->finished_turns && !state->position.finished && !state->idle &&
        (!state->awaits_completions || SLICEMILL_MUTATED("poll_for_completions")))
      take_turn(*state, static_cast<std::size_t>(std::clamp(missing, least, kSlicesPerTurn)));
}

void SliceSource::take_turn(State& state, std::size_t wanted) {
  state.in_turn = true;
  run_turn(state, [wanted](Slicer& slicer) { return slicer.next(wanted); });
}

void SliceSource::run_turn(State& state, std::function<Result<SliceBatch>(Slicer&)> work) {
  auto turn = std::make_shared<Result<SliceBatch>>(SliceBatch{});
  // A turn that failed may have passed over what it had cut already: it is cut again, from the last one that was good.
  std::optional<Opening> reopening;
  if (state.failures > 0 && state.slicer->is_recoverable()) {
    state.slicer = make_source_slicer(job_.plan, state.source);
    reopening = opening_of(state);
  }
  loop_.offload_to_lane(
      state.id,
      [slicer = state.slicer, turn, work = std::move(work), reopening = std::move(reopening)] {
        if (auto passed = fault("slicing"); !passed) {
          *turn = passed.error();
        } else if (auto opened = reopening ? slicer->open(reopening->context, reopening->position) : passed; !opened) {
          *turn = opened.error();
        } else {
          *turn = work(*slicer);
        }
      },
      [this, &state, turn, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        finish_batch(state, std::move(*turn));
      });
}

void SliceSource::retry_or_fail(State& state, const Error& error) {
  if (!source_may_recover(error) || !kSlicerRetries.may_retry(state.failures, true)) {
    state.is_broken = true;
    record_heard(state, false);
    hooks_.on_fatal(error);
    return;
  }
  const auto delay = kSlicerRetries.backoff_ms(state.failures++, loop_.random());
  log(LogLevel::warn, "slicer {}: {}; next try in {} ms", state.id, error.message, delay);
  loop_.after(std::chrono::milliseconds(delay), [this, &state, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    state.in_turn = false;
    go_on(state);
  });
}

// What it is to be told goes before what it is to be asked.
void SliceSource::go_on(State& state) {
  hear_turn(state);
  fill(last_waiting_, last_ahead_);
}

void SliceSource::wait_idle(State& state, std::int64_t idle_ms) {
  state.idle = true;
  loop_.after(std::chrono::milliseconds(idle_ms), [this, &state, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    state.idle = false;
    fill(last_waiting_, last_ahead_);
  });
}

void SliceSource::note_wait(State& state, SliceBatch& turn) {
  if (state.waits_for == turn.waits_for) return;
  state.waits_for = std::move(turn.waits_for);
  if (state.waits_for.empty()) return log(LogLevel::info, "slicer {} goes on", state.id);
  log(LogLevel::warn, "slicer {} waits: {}", state.id, state.waits_for);
  if (hooks_.on_notice) hooks_.on_notice("the source waited: " + state.waits_for);
}

std::string SliceSource::waits_for() const {
  for (const auto& state : states_)
    if (!state->waits_for.empty()) return state->waits_for;
  return {};
}

void SliceSource::finish_batch(State& state, Result<SliceBatch> result) {
  // Stopped meanwhile: what was cut but not created is cut again from the stored position. What became of slices is
  // recorded all the same, with what follows from it.
  if (halted_ && state.told.empty()) {
    end_turn(state);
    return;
  }
  if (!result) {
    retry_or_fail(state, result.error());
    return;
  }
  state.failures = 0;
  SliceBatch& turn = *result;
  note(state, turn);
  if (turn.idle_ms > 0 && !turn.finished) wait_idle(state, turn.idle_ms);
  // Looking in vain is no change: nothing is to be written.
  const bool is_change = !turn.runs.empty() || turn.finished || turn.position != state.position.position;
  if (!is_change && state.told.empty()) {
    end_turn(state);
    return;
  }
  if (!SLICEMILL_MUTATED("births_without_settlement")) record_heard(state, true);
  auto created = create(state, turn);
  if (SLICEMILL_MUTATED("dispatch_before_sync"))
    for (auto& range : std::exchange(*created, {})) hooks_.on_created(std::move(range));
  writer_.after_sync([this, &state, created] {
    if (SLICEMILL_MUTATED("births_without_settlement")) record_heard(state, true);
    state.position.finished = state.finished_turns;
    if (!created->empty() && !fault("created")) {
      hooks_.on_fatal(Error(ErrorCode::io, "fault point created fired"));
      return;
    }
    for (auto& range : *created) hooks_.on_created(std::move(range));
    end_turn(state);
  });
}

// What a turn says beside its slices.
void SliceSource::note(State& state, SliceBatch& turn) {
  subslices_ += turn.subslices;
  if (turn.total) totals_[state.id] = *turn.total;
  for (const std::string& notice : turn.notices) {
    log(LogLevel::warn, "{}", notice);
    if (hooks_.on_notice) hooks_.on_notice(notice);
  }
  note_wait(state, turn);
  state.awaits_completions = turn.awaits_completions;
}

// Its slices and its position go into the batch that is being gathered.
std::shared_ptr<std::vector<OpenRange>> SliceSource::create(State& state, SliceBatch& turn) {
  auto& batch = writer_.batch();
  auto created = std::make_shared<std::vector<OpenRange>>();
  for (auto& requests : turn.runs) {
    auto run = std::make_shared<SliceRun>(SliceRun{.generation = generation_,
                                                   .slicer = state.id,
                                                   .first_order = state.position.highest_order + 1,
                                                   .created_ms = loop_.wall_ms(),
                                                   .requests = std::move(requests)});
    const std::uint64_t count = run->count();
    if (count == 0) continue;
    state.position.highest_order += count;
    if (!SLICEMILL_MUTATED("position_without_creation")) batch.created.push_back(*run);
    created->push_back({run, 0, count});
  }
  state.position.position = turn.position;
  state.finished_turns = turn.finished;
  SlicerPosition stored = state.position;
  stored.finished = turn.finished;
  batch.positions[state.id] = stored;
  return created;
}

void SliceSource::end_turn(State& state) {
  state.in_turn = false;
  hear_turn(state);
  hooks_.on_change();
}

SourceUnit SliceSource::unit() const {
  if (states_.empty()) return SourceUnit::none;
  const SourceUnit first = states_.front()->slicer->unit();
  const bool are_alike = std::ranges::all_of(states_, [&](const auto& s) { return s->slicer->unit() == first; });
  return are_alike ? first : SourceUnit::none;
}

std::optional<std::uint64_t> SliceSource::total() const {
  std::uint64_t sum = 0;
  for (const auto& state : states_) {
    const auto known = totals_.find(state->id);
    if (known == totals_.end()) return std::nullopt;
    sum += known->second;
  }
  return sum;
}

bool SliceSource::hears_completions() const {
  return std::ranges::any_of(states_, [](const auto& s) { return s->slicer->hears_completions(); });
}

bool SliceSource::gives_nothing() const {
  return std::ranges::all_of(states_, [](const auto& s) {
    return !s->in_turn && (s->position.finished || (s->awaits_completions && s->waiting.empty()));
  });
}

bool SliceSource::exhausted() const {
  return std::all_of(states_.begin(), states_.end(), [](const auto& s) { return s->position.finished && !s->in_turn; });
}

bool SliceSource::hears(std::uint32_t slicer) const {
  return slicer < states_.size() && states_[slicer]->slicer->hears_completions();
}

const SlicePolicyOf& SliceSource::policy(std::uint32_t slicer) const {
  static const SlicePolicyOf kNone;
  return slicer < states_.size() ? states_[slicer]->policy : kNone;
}

void SliceSource::hear(Completion completion, std::function<void(bool)> record) {
  State& state = *states_[completion.key.slicer];
  if (state.is_broken) {
    record(false);
    return;
  }
  state.waiting.push_back({std::move(completion), std::move(record)});
  hear_turn(state);
}

void SliceSource::after_heard(std::function<void()> then) {
  for (const auto& state : states_) {
    if (state->waiting.empty() && state->told.empty()) continue;
    // Another one may have something to tell too.
    state->then.emplace_back([this, then = std::move(then)]() mutable { after_heard(std::move(then)); });
    return;
  }
  then();
}

// Tells the slicer all that waits for it, in one turn.
void SliceSource::hear_turn(State& state) {
  if (!state.is_open || state.in_turn || (state.waiting.empty() && state.told.empty())) return;
  state.in_turn = true;
  std::ranges::move(std::exchange(state.waiting, {}), std::back_inserter(state.told));
  auto completions = std::make_shared<std::vector<Completion>>();
  for (const Heard& heard : state.told)
    for (int times = SLICEMILL_MUTATED("tell_twice") ? 2 : 1; times > 0; --times)
      completions->push_back(heard.completion);
  run_turn(state, [completions](Slicer& slicer) { return slicer.on_completed(*completions, kLeastPerTurn); });
}

void SliceSource::record_heard(State& state, bool heard) {
  for (const Heard& one : std::exchange(state.told, {})) one.record(heard);
  if (!heard)
    for (const Heard& one : std::exchange(state.waiting, {})) one.record(false);
  if (!state.waiting.empty()) return;
  for (auto& then : std::exchange(state.then, {})) then();
}

}  // namespace slicemill::controller
