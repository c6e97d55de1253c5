#include "execution-controller/dispatch/slice_returns.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/runtime/files.h"
#include "core/runtime/in_flight_marker.h"
#include "core/runtime/mutation.h"

namespace slicemill::controller {

SliceReturns::SliceReturns(Loop& loop, LeaseTable& leases, SliceAssigner& assigner, Speculation* speculation,
                           Hooks hooks)
    : leases_(leases),
      assigner_(assigner),
      speculation_(speculation),
      hooks_(std::move(hooks)),
      charge_(loop, CrashCharge::Hooks{.on_free = [this](ActiveSlice slice) { assigner_.requeue(std::move(slice)); },
                                       .on_crash = hooks_.on_crash,
                                       .on_told = hooks_.on_told}) {}

bool SliceReturns::holds(const Worker& worker, const SliceKey& key, const Attempt& attempt) const {
  return leases_.holder(key) == LeaseTable::Holder{worker.number, attempt};
}

bool SliceReturns::drop_second_attempt(Worker& worker, const wire::HeldSlice& held) {
  return speculation_ != nullptr && speculation_->drop(worker, held);
}

void SliceReturns::take(Worker& worker, const wire::SliceResult& result) {
  if (speculation_ != nullptr) worker.begins(worker.heard);
  if (result.count > 1) {
    take_span(worker, result);
    return;
  }
  if (speculation_ != nullptr && speculation_->take(worker, result)) return;
  const bool is_stale = !holds(worker, result.key, result.attempt);
  if (is_stale && !(SLICEMILL_MUTATED("accept_stale_attempt") && leases_.holder(result.key))) {
    hooks_.on_refused();
    return;
  }
  ActiveSlice slice = leases_.take(result.key);
  slice.worker = worker.id;
  done(worker, result);
  hooks_.on_result(std::move(slice), result);
}

// Its sums are of all of its slices: if one of them is not this worker's any more, none counts, and those that are run
// again.
void SliceReturns::take_span(Worker& worker, const wire::SliceResult& result) {
  if (const auto span = leases_.take(result.key, result.count, {worker.number, result.attempt})) {
    done(worker, result);
    hooks_.on_span_completed(*span, result);
    return;
  }
  hooks_.on_refused();
  SliceKey key = result.key;
  for (std::uint64_t i = 0; i < result.count; ++i, ++key.order) {
    if (drop_second_attempt(worker, {key, result.attempt})) continue;
    if (!holds(worker, key, result.attempt)) continue;
    assigner_.requeue(leases_.take(key));
    if (worker.outstanding > 0) --worker.outstanding;
  }
}

void SliceReturns::done(Worker& worker, const wire::SliceResult& result) {
  worker.outstanding -= std::min(worker.outstanding, result.count);
  worker.alone = false;
  const double us = std::max(0.5, static_cast<double>(result.busy_us) / static_cast<double>(result.count));
  if (speculation_ != nullptr && result.outcome == wire::Outcome::completed)
    speculation_->measured(static_cast<std::uint64_t>(us));
  const double kept = std::pow(0.9, static_cast<double>(result.count));
  worker.slice_us = worker.slice_us == 0 ? us : worker.slice_us * kept + us * (1 - kept);
}

// Newest first as the worker gave them back; to the front in the old order.
void SliceReturns::take_back(Worker& worker, const std::vector<wire::HeldSlice>& slices) {
  for (const auto& held : slices) {
    if (drop_second_attempt(worker, held)) continue;
    if (!holds(worker, held.key, held.attempt)) continue;
    ActiveSlice slice = leases_.take(held.key);
    if (!SLICEMILL_MUTATED("drop_recalled")) assigner_.requeue(std::move(slice));
    if (worker.outstanding > 0) --worker.outstanding;
  }
}

void SliceReturns::keep_only(Worker& worker, const std::vector<wire::HeldSlice>& held) {
  SliceAttempts ended;
  if (speculation_ != nullptr) speculation_->drop_all(worker.number, held, ended);
  std::vector<SliceKey> kept;
  kept.reserve(held.size());
  for (const auto& slice : held) kept.push_back(slice.key);
  std::sort(kept.begin(), kept.end());
  worker.outstanding = 0;
  for (const auto& key : leases_.held_by(worker.number)) {
    if (std::binary_search(kept.begin(), kept.end(), key))
      ++worker.outstanding;
    else
      assigner_.requeue(leases_.take(key));
  }
  if (speculation_ != nullptr) worker.outstanding += speculation_->held_by(worker.number);
}

SliceAttempts SliceReturns::release(WorkerNumber number) {
  SliceAttempts attempts;
  if (speculation_ != nullptr) speculation_->drop_all(number, {}, attempts);
  for (auto& slice : leases_.take_all(number)) {
    attempts.emplace_back(slice.key, slice.attempt);
    if (!SLICEMILL_MUTATED("forget_lease")) assigner_.requeue(std::move(slice));
  }
  return attempts;
}

SliceAttempts SliceReturns::bury(const Worker& worker, const ProcessExit& exit) {
  SliceAttempts ended;
  // What goes on elsewhere is charged to nobody.
  if (speculation_ != nullptr) speculation_->drop_all(worker.number, {}, ended);
  std::optional<ActiveSlice> begun;
  if (const auto marker = read_in_flight_marker(worker.marker_path); marker && marker->begun) {
    const SliceKey key = key_of(*marker->begun);
    if (holds(worker, key, attempt_of(*marker->begun))) begun = leases_.take(key);
  }
  (void)posix_files().remove(worker.marker_path);
  const auto released = release(worker.number);
  ended.insert(ended.end(), released.begin(), released.end());
  if (!begun) return ended;
  ended.emplace_back(begun->key, begun->attempt);
  if (worker.leaving)
    assigner_.requeue(std::move(*begun));
  else
    charge_.charge(std::move(*begun), worker.process.pid, exit);
  return ended;
}

std::vector<ActiveSlice> SliceReturns::take_all() {
  std::vector<ActiveSlice> slices = leases_.take_all();
  for (auto& slice : charge_.take_all()) slices.push_back(std::move(slice));
  if (speculation_ != nullptr) speculation_->clear();
  return slices;
}

}  // namespace slicemill::controller
