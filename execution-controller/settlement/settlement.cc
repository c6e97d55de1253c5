#include "execution-controller/settlement/settlement.h"

#include <utility>

#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"

namespace slicemill::controller {

Settlement::Settlement(Loop& loop, LedgerWriter& writer, OutputPublisher* publisher, const LedgerHeader& header,
                       RetryPolicy retries, Hooks hooks)
    : writer_(writer),
      publisher_(publisher),
      hooks_(std::move(hooks)),
      tally_(loop, writer, header),
      tries_(loop, writer, tally_, header.generation(), retries, {hooks_.on_retry, hooks_.on_noted, hooks_.policy}),
      gate_(header.generation(), gate_hooks()),
      group_(writer, group_hooks()),
      publishing_(loop, publisher, publish_hooks()),
      adopted_(loop, publisher, header.epoch,
               [this](ActiveSlice slice, const wire::SliceResult& result, const Result<bool>& is_there) {
                 adopt(std::move(slice), result, is_there);
               }),
      failures_(loop, publisher, header.epoch, {writer, tally_, tries_, gate_, group_}, failure_hooks()) {}

SliceFailures::Hooks Settlement::failure_hooks() {
  return {.on_isolated = hooks_.on_isolated,
          .on_done = [this](ActiveSlice slice, const wire::SliceResult& result) { complete(std::move(slice), result); },
          .on_left_open = [this](ActiveSlice slice) { leave_open(std::move(slice)); },
          .on_change = hooks_.on_change,
          .on_obstacle = hooks_.on_obstacle,
          .on_unfenced = hooks_.on_unfenced};
}

PublishQueue::Hooks Settlement::publish_hooks() {
  return {.on_published =
              [this](const CommittedSlice& output) {
                const auto record = [this](const CommittedSlice& of) {
                  settle(of.slice, of.output.facts, of.output.facts.records);
                };
                if (gate_.is_heard(output.slice.key))
                  gate_.pass(output.slice, SliceState::completed, "", [record, output] { record(output); });
                else
                  record(output);
              },
          .on_lost =
              [this](const CommittedSlice& output, const Error& error) {
                tally_.end();  // fail_for_good counts it anew
                tally_.forget_records(output);
                failures_.fail_for_good(output.slice, error.message);
              },
          .on_obstacle = hooks_.on_obstacle,
          .on_change = hooks_.on_change,
          .on_fatal = hooks_.on_fatal};
}

CompletionGate::Hooks Settlement::gate_hooks() {
  return {.hears = hooks_.hears, .hear = hooks_.hear, .on_unheard = [this] {
            tally_.end();
            hooks_.on_change();
          }};
}

DecidedGroup::Hooks Settlement::group_hooks() {
  return {.on_committed =
              [this](std::vector<CommittedSlice> outputs) {
                for (auto& output : outputs) publishing_.push(std::move(output));
                publishing_.publish();
              },
          .on_settled =
              [this](std::uint64_t settled, std::uint64_t failed) {
                tally_.end(settled);
                for (; failed > 0; --failed) hooks_.on_slice_failed();
              },
          .on_change = hooks_.on_change,
          .on_fatal = hooks_.on_fatal};
}

void Settlement::on_result(ActiveSlice slice, const wire::SliceResult& result) {
  switch (result.outcome) {
    case wire::Outcome::completed:
      if (adopted_.must_look(result)) {
        tally_.begin();
        adopted_.look(std::move(slice), result);
      } else {
        complete(std::move(slice), result);
      }
      return;
    case wire::Outcome::failed:
      failures_.fail(std::move(slice), result, true);
      return;
    case wire::Outcome::failed_for_good:
      failures_.fail(std::move(slice), result, false);
      return;
    case wire::Outcome::obstructed:
      give_back(std::move(slice), Error(ErrorCode::io, result.error));
      return;
    case wire::Outcome::awaits:
      give_back(std::move(slice), Error(ErrorCode::unavailable, result.error));
      return;
  }
}

void Settlement::adopt(ActiveSlice slice, const wire::SliceResult& result, const Result<bool>& is_there) {
  tally_.end();
  if (is_there && !*is_there) {
    log(LogLevel::warn, "slice {}/{} runs again: what an earlier attempt staged was removed", slice.key.slicer,
        slice.key.order);
    hooks_.on_retry(std::move(slice));
  } else if (!is_there && is_there.error().obstacle) {
    give_back(std::move(slice), is_there.error());
  } else {
    complete(std::move(slice), result);  // what else cannot be looked at is publishing's to tell
  }
}

void Settlement::complete(ActiveSlice slice, const wire::SliceResult& result) {
  tally_.begin();
  if (publisher_ != nullptr && result.output.present) {
    tally_.take_records(slice, result);
    commit(std::move(slice), result);
    return;
  }
  if (!gate_.is_heard(slice.key)) {  // nothing is kept of the result
    tally_.take_records(slice, result);
    settle(slice, result.output, result.records_out);
    return;
  }
  gate_.pass(slice, SliceState::completed, result.value, [this, slice, result]() mutable {
    tries_.ended(slice, SliceTry::End::completed, result.busy_us, result.value, "");
    tally_.take_records(slice, result);
    settle(slice, result.output, result.records_out);
  });
}

void Settlement::on_span_completed(const SliceSpan& span, const wire::SliceResult& result) {
  if (gate_.is_heard(span.run->key(span.from))) {
    wire::SliceResult single = result;  // sums count once
    for (std::uint64_t index = span.from; index < span.to; ++index) {
      complete(span.slice(index), single);
      single.records_in = single.records_out = 0;
    }
    return;
  }
  const SliceKey first = span.run->key(span.from);
  SettledRange range{first.generation, first.slicer, first.order, first.order + span.size() - 1};
  if (SLICEMILL_MUTATED("settle_beyond_span")) ++range.last;
  tally_.begin(span.size());
  tally_.add_completed(span, result);
  writer_.settle(range);
  group_.add_settled(range.count());
}

// The machine or another system is at fault, not the slice: it runs again when the obstacle is gone, and its tries are
// not counted.
void Settlement::give_back(ActiveSlice slice, const Error& cause) {
  hooks_.on_obstacle(cause);
  if (slice.crashes > 0)
    hooks_.on_isolated(std::move(slice));
  else
    hooks_.on_retry(std::move(slice));
}

void Settlement::commit(ActiveSlice slice, const wire::SliceResult& result) {
  if (!fault("staged")) {
    hooks_.on_fatal(Error(ErrorCode::io, "fault point staged fired"));
    return;
  }
  CommittedOutput output{slice.key, result.attempt, result.output};
  writer_.batch().committed.push_back(output);
  if (SLICEMILL_MUTATED("publish_before_sync")) {
    publishing_.push({std::move(slice), output, result.records_in});
    publishing_.publish();
    return;
  }
  if (SLICEMILL_MUTATED("settle_before_publish")) writer_.batch().settled.push_back(output.key);
  group_.add_committed({std::move(slice), output, result.records_in});
}

void Settlement::settle(const ActiveSlice& slice, const OutputFacts& output, std::uint64_t records_out) {
  auto& batch = writer_.batch();
  batch.settled.push_back(slice.key);
  if (slice.has_row && !SLICEMILL_MUTATED("keep_row_of_replayed")) batch.erased_rows.push_back(slice.key);
  tally_.add_completed(slice, output, records_out);
  group_.add_settled(1);
}

void Settlement::go_on() {
  publishing_.go_on();
  failures_.go_on();
}

std::string Settlement::obstacle() const {
  if (!publishing_.trouble().empty()) return "publishing waits: " + publishing_.trouble();
  return failures_.obstacle();
}

void Settlement::leave_open(ActiveSlice slice) {
  writer_.batch().rows.push_back(
      tries_.row_of(slice, SliceState::start, "it was running when the execution was stopped"));
  writer_.after_sync([this] { hooks_.on_change(); });
}

void Settlement::roll_forward(std::vector<std::pair<ActiveSlice, CommittedOutput>> outputs) {
  for (auto& [slice, output] : outputs) {
    tally_.begin();
    publishing_.push({std::move(slice), output, 0});
  }
  publishing_.publish();
}

bool Settlement::leave_unpublished() {
  const std::size_t left = publishing_.abandon();
  tally_.end(left);
  return left > 0;
}

}  // namespace slicemill::controller
