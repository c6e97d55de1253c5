#include "execution-controller/dispatch/reattachment.h"

#include <utility>

#include "core/runtime/mutation.h"

namespace slicemill::controller {

Reattachment::Reattachment(Loop& loop, SliceQueue& queue, LeaseTable& leases, std::uint64_t epoch,
                           std::uint32_t expected_workers, std::int64_t reattach_ms, Hooks hooks)
    : queue_(queue), leases_(leases), epoch_(epoch), expected_workers_(expected_workers), hooks_(std::move(hooks)) {
  if (expected_workers_ == 0) return;
  waiting_ = true;
  loop.after(std::chrono::milliseconds(reattach_ms), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    waiting_ = false;
    hooks_.on_over();
  });
}

void Reattachment::joined(std::size_t workers) {
  if (workers >= expected_workers_) waiting_ = false;
}

bool Reattachment::may_adopt(const Attempt& attempt) const {
  return (waiting_ || SLICEMILL_MUTATED("adopt_late")) && attempt.epoch < epoch_;
}

void Reattachment::adopt_result(const wire::SliceResult& result) {
  if (!may_adopt(result.attempt)) return;
  if (result.count > 1) {  // it staged nothing that would have to be kept
    if (const auto span = queue_.extract(result.key, result.count)) hooks_.on_span_completed(*span, result);
  } else if (auto slice = queue_.extract(result.key)) {
    slice->attempt = result.attempt;
    hooks_.on_adopted(result.key, result.attempt);
    hooks_.on_result(std::move(*slice), result);
  }
}

bool Reattachment::adopt_held(const wire::HeldSlice& held, LeaseTable::WorkerNumber worker) {
  if (!may_adopt(held.attempt) || leases_.holder(held.key)) return false;
  auto slice = queue_.extract(held.key);
  if (!slice) return false;
  slice->attempt = held.attempt;
  hooks_.on_adopted(held.key, held.attempt);
  leases_.add(std::move(*slice), worker);
  return true;
}

}  // namespace slicemill::controller
