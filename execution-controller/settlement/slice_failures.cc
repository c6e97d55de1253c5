#include "execution-controller/settlement/slice_failures.h"

#include <utility>

#include <fmt/core.h>

#include "core/runtime/log.h"
#include "core/runtime/text.h"

namespace slicemill::controller {

SliceFailures::SliceFailures(Loop& loop, OutputPublisher* publisher, std::uint64_t epoch, Parts parts, Hooks hooks)
    : parts_(parts), hooks_(std::move(hooks)) {
  if (publisher != nullptr && publisher->claims())
    fence_ = std::make_unique<SliceFence>(loop, *publisher, epoch, fence_hooks());
}

SliceFence::Hooks SliceFailures::fence_hooks() {
  return {.on_fenced =
              [this](const EndedSlice& ended) {
                parts_.tally.end();  // record_error counts it anew
                record_error(ended);
              },
          .on_committed =
              [this](ActiveSlice slice, ClaimedOutput output) {
                parts_.tally.end();  // on_done counts it anew
                complete_committed(std::move(slice), std::move(output));
              },
          .on_given_up =
              [this](ActiveSlice slice) {
                parts_.tally.end();
                hooks_.on_left_open(std::move(slice));
              },
          .on_obstacle = hooks_.on_obstacle,
          .on_lost = hooks_.on_unfenced,
          .on_change = hooks_.on_change};
}

void SliceFailures::fail(ActiveSlice slice, const wire::SliceResult& result, bool retryable) {
  parts_.tries.ended(slice, SliceTry::End::failed, result.busy_us, "", result.error);
  if (parts_.tries.again(slice, result.error, retryable)) return;
  fail_for_good(slice, result.error,
                result.quarantined.empty() ? std::nullopt : std::optional(result.quarantined.front()));
}

void SliceFailures::crash(ActiveSlice slice, const std::string& cause) {
  if (!parts_.tries.charge(slice, cause)) {
    fail_for_good(slice, fmt::format("its worker died of {} while it ran, {} times in all", cause, slice.crashes));
    return;
  }
  parts_.tally.begin();
  auto shared = std::make_shared<ActiveSlice>(std::move(slice));
  parts_.writer.after_sync([this, shared] {
    parts_.tally.end();
    hooks_.on_isolated(std::move(*shared));
    hooks_.on_change();
  });
}

void SliceFailures::fail_for_good(const ActiveSlice& slice, const std::string& error,
                                  std::optional<QuarantinedRecord> record) {
  if (!fence_) {
    record_error({slice, error, std::move(record)});
    return;
  }
  // The failed try is durable first, since the fence may have to wait.
  parts_.tally.begin();
  EndedSlice ended{slice, error, std::move(record)};
  parts_.tries.note(ended.slice, error);
  fence_->add(std::move(ended));
}

// It was committed by an attempt whose result is lost: what it read is not known better than by what it wrote.
void SliceFailures::complete_committed(ActiveSlice slice, ClaimedOutput output) {
  log(LogLevel::info, "slice {}/{} is done after all: an earlier attempt has committed it", slice.key.slicer,
      slice.key.order);
  const std::uint64_t records = output.facts.records;
  const wire::SliceResult result{.key = slice.key,
                                 .attempt = slice.attempt,
                                 .outcome = wire::Outcome::completed,
                                 .records_in = records + output.quarantined.size(),
                                 .records_out = records,
                                 .output = std::move(output.facts),
                                 .quarantined = std::move(output.quarantined)};
  hooks_.on_done(std::move(slice), result);
}

void SliceFailures::go_on() {
  if (fence_) fence_->go_on();
}

std::vector<ActiveSlice> SliceFailures::drop_unfenced() {
  if (!fence_) return {};
  auto slices = fence_->take_all();
  parts_.tally.end(slices.size());
  return slices;
}

void SliceFailures::fence_rest(std::vector<ActiveSlice> given_up,
                               std::function<void(const std::string& trouble)> done) {
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

void SliceFailures::record_error(const EndedSlice& ended) {
  const ActiveSlice& slice = ended.slice;
  const std::string& error = ended.error;
  log(LogLevel::error, "slice {}/{} is an error: {}", slice.key.slicer, slice.key.order, first_line(error));
  parts_.tally.begin();
  parts_.gate.pass(slice, SliceState::error, "",
                   [this, slice, error, record = ended.record] { settle_failed(slice, error, record); });
}

void SliceFailures::settle_failed(const ActiveSlice& slice, const std::string& error,
                                  std::optional<QuarantinedRecord> record) {
  auto& batch = parts_.writer.batch();
  batch.rows.push_back(parts_.tries.row_of(slice, SliceState::error, error));
  batch.settled.push_back(slice.key);
  parts_.tally.add_failed(slice, error, std::move(record));
  parts_.group.add_failed();
}

}  // namespace slicemill::controller
