#include "execution-controller/settlement/slice_tries.h"

#include <utility>

#include <fmt/core.h>

#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "core/runtime/text.h"

namespace slicemill::controller {

SliceTries::SliceTries(Loop& loop, LedgerWriter& writer, Tally& tally, std::uint16_t generation, RetryPolicy retries,
                       Hooks hooks)
    : loop_(loop),
      writer_(writer),
      tally_(tally),
      generation_(generation),
      retries_(retries),
      hooks_(std::move(hooks)),
      waiting_(loop, hooks_.on_retry) {}

bool SliceTries::again(ActiveSlice& slice, const std::string& error, bool retryable) {
  const RetryPolicy retries = retries_of(slice);
  if (!retries.may_retry(slice.retries, retryable)) return false;
  const std::int64_t delay = retries.backoff_ms(slice.retries, loop_.random());
  ++slice.retries;
  tally_.add_retry();
  if (!SLICEMILL_MUTATED("forget_tries")) note(slice, error);
  log(LogLevel::warn, "slice {}/{} failed, try {} in {} ms: {}", slice.key.slicer, slice.key.order, slice.retries + 1,
      delay, first_line(error));
  waiting_.add(std::move(slice), delay);
  return true;
}

bool SliceTries::charge(ActiveSlice& slice, const std::string& cause) {
  ended(slice, SliceTry::End::worker_died, 0, "", fmt::format("its worker died of {}", cause));
  ++slice.crashes;
  if (slice.crashes > retries_.max_retries) return false;
  log(LogLevel::warn, "slice {}/{} was running when its worker died of {} (charged {} of {})", slice.key.slicer,
      slice.key.order, cause, slice.crashes, retries_.max_retries + 1);
  tally_.add_retry();
  note(slice, fmt::format("its worker died of {}", cause));
  return true;
}

RetryPolicy SliceTries::retries_of(const ActiveSlice& slice) const {
  RetryPolicy retries = retries_;
  const auto own = hooks_.policy ? hooks_.policy(slice) : std::nullopt;
  if (!own) return retries;
  if (own->max_retries) retries.max_retries = *own->max_retries;
  if (own->retry_base_ms > 0) retries.base_ms = own->retry_base_ms;
  return retries;
}

void SliceTries::ended(const ActiveSlice& slice, SliceTry::End end, std::uint64_t busy_us, std::string value,
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

void SliceTries::note(ActiveSlice& slice, std::string error) {
  slice.has_row = true;
  hooks_.on_noted(slice.key);
  writer_.batch().rows.push_back(row_of(slice, SliceState::start, std::move(error)));
}

OpenRow SliceTries::row_of(const ActiveSlice& slice, SliceState state, std::string error) const {
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

}  // namespace slicemill::controller
