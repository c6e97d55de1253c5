#include "execution-controller/settlement/settlement.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "core/runtime/text.h"

namespace slicemill::controller {

Settlement::Settlement(Loop& loop, LedgerWriter& writer, OutputPublisher* publisher, const LedgerHeader& header,
                       RetryPolicy retries, Hooks hooks)
    : loop_(loop),
      writer_(writer),
      publisher_(publisher),
      generation_(header.generation()),
      retries_(retries),
      hooks_(std::move(hooks)),
      totals_{header.counters, header.figures.completed_extent, header.figures.failed_extent},
      publishing_(loop, publisher, publish_hooks()),
      waiting_(loop, hooks_.on_retry),
      adopted_(loop, publisher, header.epoch,
               [this](ActiveSlice slice, const wire::SliceResult& result, const Result<bool>& is_there) {
                 adopt(std::move(slice), result, is_there);
               }) {
  if (publisher != nullptr && publisher->claims())
    fence_ = std::make_unique<SliceFence>(loop, *publisher, header.epoch, fence_hooks());
}

SliceFence::Hooks Settlement::fence_hooks() {
  return {.on_fenced =
              [this](const EndedSlice& ended) {
                --in_progress_;  // record_error counts it anew
                record_error(ended);
              },
          .on_committed =
              [this](ActiveSlice slice, ClaimedOutput output) {
                --in_progress_;  // as above
                complete_committed(std::move(slice), std::move(output));
              },
          .on_given_up =
              [this](ActiveSlice slice) {
                --in_progress_;
                leave_open(std::move(slice));
              },
          .on_obstacle = hooks_.on_obstacle,
          .on_lost = hooks_.on_unfenced,
          .on_change = hooks_.on_change};
}

PublishQueue::Hooks Settlement::publish_hooks() {
  return {.on_published =
              [this](const CommittedSlice& output) {
                const auto record = [this](const CommittedSlice& of) {
                  settle(of.slice, of.output.facts, of.output.facts.records);
                };
                if (is_heard(output.slice.key))
                  decide(output.slice, SliceState::completed, "", [record, output] { record(output); });
                else
                  record(output);
              },
          .on_lost =
              [this](const CommittedSlice& output, const Error& error) {
                --in_progress_;  // fail_for_good counts it anew
                forget_records(output);
                fail_for_good(output.slice, error.message);
              },
          .on_obstacle = hooks_.on_obstacle,
          .on_change = hooks_.on_change,
          .on_fatal = hooks_.on_fatal};
}

// One group per ledger batch: what happens to its slices once the batch is durable.
Settlement::Group& Settlement::group() {
  writer_.batch();
  if (group_ && group_->batch == writer_.serial()) return *group_;
  group_ = std::make_shared<Group>();
  group_->batch = writer_.serial();
  writer_.after_sync([this, group = group_] { group_durable(*group); });
  return *group_;
}

void Settlement::group_durable(Group& group) {
  if (!group.to_publish.empty()) {
    if (!fault("committed")) {
      hooks_.on_fatal(Error(ErrorCode::io, "fault point committed fired"));
      return;
    }
    for (auto& output : group.to_publish) publishing_.push(std::move(output));
    publishing_.publish();
  }
  if (group.settled > 0) {
    if (!fault("done")) {
      hooks_.on_fatal(Error(ErrorCode::io, "fault point done fired"));
      return;
    }
    in_progress_ -= group.settled;
    for (; group.failed > 0; --group.failed) hooks_.on_slice_failed();
  }
  hooks_.on_change();
}

void Settlement::on_result(ActiveSlice slice, const wire::SliceResult& result) {
  switch (result.outcome) {
    case wire::Outcome::completed:
      if (adopted_.must_look(result)) {
        ++in_progress_;
        adopted_.look(std::move(slice), result);
      } else {
        complete(std::move(slice), result);
      }
      return;
    case wire::Outcome::failed:
      fail(std::move(slice), result, true);
      return;
    case wire::Outcome::failed_for_good:
      fail(std::move(slice), result, false);
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
  --in_progress_;
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
  ++in_progress_;
  if (publisher_ != nullptr && result.output.present) {
    take_records(slice, result);
    commit(std::move(slice), result);
    return;
  }
  if (!is_heard(slice.key)) {  // nothing is kept of the result
    take_records(slice, result);
    settle(slice, result.output, result.records_out);
    return;
  }
  decide(slice, SliceState::completed, result.value, [this, slice, result]() mutable {
    note_history(slice, SliceTry::End::completed, result.busy_us, result.value, "");
    take_records(slice, result);
    settle(slice, result.output, result.records_out);
  });
}

bool Settlement::is_heard(const SliceKey& key) const {
  if (SLICEMILL_MUTATED("forget_replayed") && key.generation < generation_) return false;
  return hooks_.hears && hooks_.hears(key.slicer);
}

void Settlement::decide(const ActiveSlice& slice, SliceState state, const std::string& value,
                        std::function<void()> record) {
  if (!is_heard(slice.key)) {
    record();
    return;
  }
  if (SLICEMILL_MUTATED("settlement_without_births")) {
    record();
    record = [] {};
  }
  hooks_.hear({.key = slice.key, .request = slice.request(), .state = state, .value = value},
              [this, record = std::move(record)](bool heard) {
                if (heard) return record();
                --in_progress_;  // it stays open
                hooks_.on_change();
              });
}

void Settlement::on_span_completed(const SliceSpan& span, const wire::SliceResult& result) {
  if (is_heard(span.run->key(span.from))) {
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
  in_progress_ += span.size();
  totals_.counters.records_in += result.records_in;
  totals_.counters.records_out += result.records_out;
  totals_.counters.processed += span.size();
  totals_.completed_extent += span.run->extent(span.from, span.to);
  writer_.settle(range);
  group().settled += range.count();
}

void Settlement::take_records(ActiveSlice& slice, const wire::SliceResult& result) {
  totals_.counters.records_in += result.records_in;
  totals_.counters.quarantined += result.quarantined.size();
  slice.quarantined = static_cast<std::uint32_t>(result.quarantined.size());
  if (slice.quarantined > 0 && !firsts_.quarantined) {
    const QuarantinedRecord& first = result.quarantined.front();
    firsts_.quarantined = FirstError{slice.key, slice.request(), first.error, first, true};
  }
  for (std::uint32_t number = 0; number < slice.quarantined; ++number) {
    writer_.batch().quarantined.push_back({.at = {slice.key, number},
                                           .settled_in = generation_,
                                           .at_ms = loop_.wall_ms(),
                                           .record = result.quarantined[number]});
  }
}

void Settlement::forget_records(const CommittedSlice& lost) {
  totals_.counters.records_in -= std::min(totals_.counters.records_in, lost.records_in);
  totals_.counters.quarantined -= std::min<std::uint64_t>(totals_.counters.quarantined, lost.slice.quarantined);
  for (std::uint32_t number = 0; number < lost.slice.quarantined; ++number)
    writer_.batch().released.push_back({lost.slice.key, number});
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
  group().to_publish.push_back({std::move(slice), output, result.records_in});
}

void Settlement::settle(const ActiveSlice& slice, const OutputFacts& output, std::uint64_t records_out) {
  auto& batch = writer_.batch();
  batch.settled.push_back(slice.key);
  if (slice.has_row && !SLICEMILL_MUTATED("keep_row_of_replayed")) batch.erased_rows.push_back(slice.key);
  ++totals_.counters.processed;
  totals_.counters.records_out += records_out;
  totals_.counters.bytes_out += output.present ? output.bytes : 0;
  totals_.completed_extent += slice.extent();
  ++group().settled;
}

OpenRow Settlement::row_of(const ActiveSlice& slice, SliceState state, std::string error) const {
  return {.key = slice.key,
          .state = state,
          .settled_in = generation_,
          .retries = slice.retries,
          .crashes = slice.crashes,
          .created_ms = slice.created_ms,
          .updated_ms = loop_.wall_ms(),
          .request = slice.request(),
          .error = std::move(error)};
}

void Settlement::fail(ActiveSlice slice, const wire::SliceResult& result, bool retryable) {
  const std::string& error = result.error;
  note_history(slice, SliceTry::End::failed, result.busy_us, "", error);
  const RetryPolicy retries = retries_of(slice);
  if (!retries.may_retry(slice.retries, retryable)) {
    fail_for_good(slice, error, result.quarantined.empty() ? std::nullopt : std::optional(result.quarantined.front()));
    return;
  }
  const std::int64_t delay = retries.backoff_ms(slice.retries, loop_.random());
  ++slice.retries;
  ++totals_.counters.retries;
  // Durable, so that another controller does not count from the beginning.
  if (!SLICEMILL_MUTATED("forget_tries")) note_try(slice, error);
  log(LogLevel::warn, "slice {}/{} failed, try {} in {} ms: {}", slice.key.slicer, slice.key.order, slice.retries + 1,
      delay, first_line(error));
  waiting_.add(std::move(slice), delay);
}

RetryPolicy Settlement::retries_of(const ActiveSlice& slice) const {
  RetryPolicy retries = retries_;
  const auto own = hooks_.policy ? hooks_.policy(slice) : std::nullopt;
  if (!own) return retries;
  if (own->max_retries) retries.max_retries = *own->max_retries;
  if (own->retry_base_ms > 0) retries.base_ms = own->retry_base_ms;
  return retries;
}

void Settlement::note_history(const ActiveSlice& slice, SliceTry::End end, std::uint64_t busy_us, std::string value,
                              std::string error) {
  const auto policy = hooks_.policy ? hooks_.policy(slice) : std::nullopt;
  if (!policy) return;
  const WallMs now = loop_.wall_ms();
  writer_.batch().tries.push_back({.key = slice.key,
                                   .attempt = slice.attempt,
                                   .settled_in = generation_,
                                   .end = end,
                                   .began_ms = now - static_cast<WallMs>(busy_us / 1000),
                                   .ended_ms = now,
                                   .place = policy->place,
                                   .name = policy->name,
                                   .worker = slice.worker,
                                   .value = std::move(value),
                                   .error = std::move(error)});
}

void Settlement::note_try(ActiveSlice& slice, std::string error) {
  slice.has_row = true;
  hooks_.on_noted(slice.key);
  writer_.batch().rows.push_back(row_of(slice, SliceState::start, std::move(error)));
}

void Settlement::fail_for_good(const ActiveSlice& slice, const std::string& error,
                               std::optional<QuarantinedRecord> record) {
  if (!fence_) {
    record_error({slice, error, std::move(record)});
    return;
  }
  // The failed try is durable first, since the fence may have to wait.
  ++in_progress_;
  EndedSlice ended{slice, error, std::move(record)};
  note_try(ended.slice, error);
  fence_->add(std::move(ended));
}

// It was committed by an attempt whose result is lost: what it read is not known better than by what it wrote.
void Settlement::complete_committed(ActiveSlice slice, ClaimedOutput output) {
  log(LogLevel::info, "slice {}/{} is done after all: an earlier attempt has committed it", slice.key.slicer,
      slice.key.order);
  const std::uint64_t records = output.facts.records;
  complete(slice, {.key = slice.key,
                   .attempt = slice.attempt,
                   .outcome = wire::Outcome::completed,
                   .records_in = records + output.quarantined.size(),
                   .records_out = records,
                   .output = std::move(output.facts),
                   .quarantined = std::move(output.quarantined)});
}

void Settlement::go_on() {
  publishing_.go_on();
  if (fence_) fence_->go_on();
}

std::vector<ActiveSlice> Settlement::drop_unfenced() {
  if (!fence_) return {};
  auto slices = fence_->take_all();
  in_progress_ -= slices.size();
  return slices;
}

void Settlement::fence_rest(std::vector<ActiveSlice> given_up, std::function<void(const std::string& trouble)> done) {
  if (!fence_) {
    done("");
    return;
  }
  fence_->fence_rest(std::move(given_up), [this, done = std::move(done)](SliceFence::Rest rest) {
    for (auto& [slice, output] : rest.committed) {
      complete_committed(std::move(slice), std::move(output));
    }
    done(rest.trouble);
  });
}

std::string Settlement::obstacle() const {
  if (!publishing_.trouble().empty()) return "publishing waits: " + publishing_.trouble();
  return fence_ ? fence_->trouble() : std::string();
}

void Settlement::record_error(const EndedSlice& ended) {
  const ActiveSlice& slice = ended.slice;
  const std::string& error = ended.error;
  log(LogLevel::error, "slice {}/{} is an error: {}", slice.key.slicer, slice.key.order, first_line(error));
  ++in_progress_;
  decide(slice, SliceState::error, "",
         [this, slice, error, record = ended.record] { settle_failed(slice, error, record); });
}

void Settlement::settle_failed(const ActiveSlice& slice, const std::string& error,
                               std::optional<QuarantinedRecord> record) {
  totals_.failed_extent += slice.extent();
  if (!firsts_.failure) firsts_.failure = FirstError{slice.key, slice.request(), error, std::move(record)};
  auto& batch = writer_.batch();
  batch.rows.push_back(row_of(slice, SliceState::error, error));
  batch.settled.push_back(slice.key);
  ++totals_.counters.processed;
  ++totals_.counters.failed;
  ++group().settled;
  ++group().failed;
}

void Settlement::on_crash(ActiveSlice slice, const std::string& cause) {
  note_history(slice, SliceTry::End::worker_died, 0, "", fmt::format("its worker died of {}", cause));
  ++slice.crashes;
  if (slice.crashes > retries_.max_retries) {
    fail_for_good(slice, fmt::format("its worker died of {} while it ran, {} times in all", cause, slice.crashes));
    return;
  }
  log(LogLevel::warn, "slice {}/{} was running when its worker died of {} (charged {} of {})", slice.key.slicer,
      slice.key.order, cause, slice.crashes, retries_.max_retries + 1);
  ++totals_.counters.retries;
  ++in_progress_;
  note_try(slice, fmt::format("its worker died of {}", cause));
  auto shared = std::make_shared<ActiveSlice>(std::move(slice));
  writer_.after_sync([this, shared] {
    --in_progress_;
    hooks_.on_isolated(std::move(*shared));
    hooks_.on_change();
  });
}

void Settlement::leave_open(ActiveSlice slice) {
  writer_.batch().rows.push_back(row_of(slice, SliceState::start, "it was running when the execution was stopped"));
  writer_.after_sync([this] { hooks_.on_change(); });
}

void Settlement::roll_forward(std::vector<std::pair<ActiveSlice, CommittedOutput>> outputs) {
  for (auto& [slice, output] : outputs) {
    ++in_progress_;
    publishing_.push({std::move(slice), output, 0});
  }
  publishing_.publish();
}

bool Settlement::leave_unpublished() {
  const std::size_t left = publishing_.abandon();
  in_progress_ -= left;
  return left > 0;
}

}  // namespace slicemill::controller
