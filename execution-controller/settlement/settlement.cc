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
namespace {
constexpr std::uint32_t kPublishTries = 10;
constexpr RetryPolicy kPublishRetries{.max_retries = kPublishTries, .base_ms = 200};

bool publishing_may_recover(const Error& error) {
  return error.code == ErrorCode::io || error.code == ErrorCode::no_space || error.code == ErrorCode::unavailable;
}
}  // namespace

Settlement::Settlement(Loop& loop, LedgerWriter& writer, OutputPublisher* publisher, const LedgerHeader& header,
                       RetryPolicy retries, Hooks hooks)
    : loop_(loop),
      writer_(writer),
      publisher_(publisher),
      generation_(header.generation()),
      retries_(retries),
      hooks_(std::move(hooks)),
      counters_(header.counters),
      completed_extent_(header.figures.completed_extent),
      failed_extent_(header.figures.failed_extent) {}

// One group per ledger batch: what happens to its slices once the batch is durable.
Settlement::Group& Settlement::group() {
  writer_.batch();
  if (group_ && group_serial_ == writer_.serial()) return *group_;
  group_ = std::make_shared<Group>();
  group_serial_ = writer_.serial();
  writer_.after_sync([this, group = group_] {
    if (!group->to_publish.empty()) {
      if (!fault("committed")) {
        hooks_.on_fatal(Error(ErrorCode::io, "fault point committed fired"));
        return;
      }
      for (auto& output : group->to_publish) to_publish_.push_back(std::move(output));
      publish_next();
    }
    if (!group->settled.empty() || !group->completed_ranges.empty()) {
      if (!fault("done")) {
        hooks_.on_fatal(Error(ErrorCode::io, "fault point done fired"));
        return;
      }
      in_progress_ -= group->settled.size();
      for (const auto& [key, state] : group->settled) hooks_.on_settled(key, state);
      for (const auto& range : group->completed_ranges) {
        in_progress_ -= range.count();
        hooks_.on_range_completed(range);
      }
    }
    hooks_.on_change();
  });
  return *group_;
}

void Settlement::on_result(ActiveSlice slice, const wire::SliceResult& result) {
  switch (result.outcome) {
    case wire::Outcome::completed:
      ++in_progress_;
      take_records(slice, result);
      if (publisher_ != nullptr && result.output.present)
        commit(std::move(slice), result);
      else
        settle(slice, result.output, result.records_out);
      return;
    case wire::Outcome::failed:
      fail(std::move(slice), result, true);
      return;
    case wire::Outcome::failed_for_good:
      fail(std::move(slice), result, false);
      return;
    case wire::Outcome::obstructed:
      give_back(std::move(slice), result.error);
      return;
  }
}

void Settlement::on_span_completed(const SliceSpan& span, const wire::SliceResult& result) {
  const SliceKey first = span.run->key(span.from);
  SettledRange range{first.generation, first.slicer, first.order, first.order + span.size() - 1};
  if (SLICEMILL_MUTATED("settle_beyond_span")) ++range.last;
  in_progress_ += span.size();
  counters_.records_in += result.records_in;
  counters_.records_out += result.records_out;
  counters_.processed += span.size();
  completed_extent_ += span.run->extent(span.from, span.to);
  writer_.settle(range);
  group().completed_ranges.push_back(range);
}

void Settlement::take_records(ActiveSlice& slice, const wire::SliceResult& result) {
  counters_.records_in += result.records_in;
  counters_.quarantined += result.quarantined.size();
  slice.quarantined = static_cast<std::uint32_t>(result.quarantined.size());
  if (slice.quarantined > 0 && !first_quarantined_) {
    const QuarantinedRecord& first = result.quarantined.front();
    first_quarantined_ = FirstError{slice.key, slice.request(), first.error, first, true};
  }
  for (std::uint32_t number = 0; number < slice.quarantined; ++number) {
    writer_.batch().quarantined.push_back({.at = {slice.key, number},
                                           .settled_in = generation_,
                                           .at_ms = loop_.wall_ms(),
                                           .record = result.quarantined[number]});
  }
}

void Settlement::forget_records(const Committed& lost) {
  counters_.records_in -= std::min(counters_.records_in, lost.records_in);
  counters_.quarantined -= std::min<std::uint64_t>(counters_.quarantined, lost.slice.quarantined);
  for (std::uint32_t number = 0; number < lost.slice.quarantined; ++number)
    writer_.batch().released.push_back({lost.slice.key, number});
}

// The machine is at fault, not the slice: it runs again when the obstacle is gone, and its tries are not counted.
void Settlement::give_back(ActiveSlice slice, const std::string& cause) {
  hooks_.on_obstacle(Error(ErrorCode::io, cause));
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
    to_publish_.push_back({std::move(slice), output, result.records_in});
    publish_next();
    return;
  }
  if (SLICEMILL_MUTATED("settle_before_publish")) writer_.batch().settled.push_back(output.key);
  group().to_publish.push_back({std::move(slice), output, result.records_in});
}

void Settlement::settle(const ActiveSlice& slice, const OutputFacts& output, std::uint64_t records_out) {
  auto& batch = writer_.batch();
  batch.settled.push_back(slice.key);
  if (slice.has_row && !SLICEMILL_MUTATED("keep_row_of_replayed")) batch.erased_rows.push_back(slice.key);
  ++counters_.processed;
  counters_.records_out += records_out;
  counters_.bytes_out += output.present ? output.bytes : 0;
  completed_extent_ += slice.extent();
  group().settled.emplace_back(slice.key, SliceState::completed);
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
  if (!retries_.may_retry(slice.retries, retryable)) {
    fail_for_good(slice, error, result.quarantined.empty() ? std::nullopt : std::optional(result.quarantined.front()));
    return;
  }
  const std::int64_t delay = retries_.backoff_ms(slice.retries, loop_.random());
  ++slice.retries;
  ++counters_.retries;
  // Durable, so that another controller does not count from the beginning.
  if (!SLICEMILL_MUTATED("forget_tries")) note_try(slice, error);
  log(LogLevel::warn, "slice {}/{} failed, try {} in {} ms: {}", slice.key.slicer, slice.key.order, slice.retries + 1,
      delay, first_line(error));
  const std::uint64_t ticket = next_wait_++;
  waiting_.emplace(ticket, std::move(slice));
  loop_.after(std::chrono::milliseconds(delay), [this, ticket, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    auto waiting = waiting_.extract(ticket);
    if (waiting.empty()) return;
    hooks_.on_retry(std::move(waiting.mapped()));
  });
}

void Settlement::note_try(ActiveSlice& slice, std::string error) {
  slice.has_row = true;
  hooks_.on_noted(slice.key);
  writer_.batch().rows.push_back(row_of(slice, SliceState::start, std::move(error)));
}

void Settlement::fail_for_good(const ActiveSlice& slice, const std::string& error,
                               std::optional<QuarantinedRecord> record) {
  log(LogLevel::error, "slice {}/{} is an error: {}", slice.key.slicer, slice.key.order, first_line(error));
  ++in_progress_;
  ++failures_;
  failed_extent_ += slice.extent();
  if (!first_failure_) first_failure_ = FirstError{slice.key, slice.request(), error, std::move(record)};
  auto& batch = writer_.batch();
  batch.rows.push_back(row_of(slice, SliceState::error, error));
  batch.settled.push_back(slice.key);
  ++counters_.processed;
  ++counters_.failed;
  group().settled.emplace_back(slice.key, SliceState::error);
}

void Settlement::on_crash(ActiveSlice slice, const std::string& cause) {
  ++slice.crashes;
  if (slice.crashes > retries_.max_retries) {
    fail_for_good(slice, fmt::format("its worker died of {} while it ran, {} times in all", cause, slice.crashes));
    return;
  }
  log(LogLevel::warn, "slice {}/{} was running when its worker died of {} (charged {} of {})", slice.key.slicer,
      slice.key.order, cause, slice.crashes, retries_.max_retries + 1);
  ++counters_.retries;
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

void Settlement::drop_waiting() {
  waiting_.clear();
}

void Settlement::roll_forward(std::vector<std::pair<ActiveSlice, CommittedOutput>> outputs) {
  for (auto& [slice, output] : outputs) {
    ++in_progress_;
    to_publish_.push_back({std::move(slice), output, 0});
  }
  publish_next();
}

void Settlement::go_on() {
  obstructed_ = false;
  publish_next();
}

bool Settlement::leave_unpublished() {
  const bool any = !to_publish_.empty();
  in_progress_ -= to_publish_.size();
  to_publish_.clear();
  return any;
}

void Settlement::publish_next() {
  if (publishing_ || obstructed_ || to_publish_.empty()) return;
  publishing_ = true;
  auto outputs = std::make_shared<std::vector<Committed>>(std::exchange(to_publish_, {}));
  auto results = std::make_shared<std::vector<Result<void>>>();
  auto work = [publisher = publisher_, outputs, results] {
    std::vector<CommittedOutput> facts;
    facts.reserve(outputs->size());
    for (const auto& output : *outputs) facts.push_back(output.output);
    *results = publisher->publish(facts);
  };
  loop_.offload(Loop::Executor::publish, std::move(work),
                [this, outputs, results, alive = std::weak_ptr<bool>(alive_)] {
                  if (alive.expired()) return;
                  publishing_ = false;
                  published(std::move(*outputs), *results);
                });
}

void Settlement::published(std::vector<Committed> outputs, const std::vector<Result<void>>& results) {
  if (!fault("published")) {
    hooks_.on_fatal(Error(ErrorCode::io, "fault point published fired"));
    return;
  }
  std::vector<Committed> again;
  std::string obstacle;
  std::optional<Error> obstructed;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& output = outputs[i];
    if (results[i]) {
      settle(output.slice, output.output.facts, output.output.facts.records);
    } else if (results[i].error().obstacle) {
      obstructed = results[i].error();
      to_publish_.push_back(output);
    } else if (publishing_may_recover(results[i].error()) && publish_failures_ < kPublishTries) {
      obstacle = results[i].error().message;
      again.push_back(output);
    } else {
      --in_progress_;  // fail_for_good counts it anew
      forget_records(output);
      fail_for_good(output.slice, results[i].error().message);
    }
  }
  obstacle_ = obstacle;
  if (obstructed) {
    obstructed_ = true;
    for (auto& output : again) to_publish_.push_back(std::move(output));
    hooks_.on_obstacle(*obstructed);
  } else if (again.empty()) {
    publish_failures_ = 0;
    publish_next();
  } else {
    log(LogLevel::warn, "publishing waits: {}", obstacle);
    for (auto& output : again) to_publish_.push_back(std::move(output));
    publishing_ = true;  // until the timer
    loop_.after(std::chrono::milliseconds(kPublishRetries.backoff_ms(publish_failures_++, loop_.random())),
                [this, alive = std::weak_ptr<bool>(alive_)] {
                  if (alive.expired()) return;
                  publishing_ = false;
                  publish_next();
                });
  }
  hooks_.on_change();
}

}  // namespace slicemill::controller
