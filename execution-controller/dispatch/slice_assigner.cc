#include "execution-controller/dispatch/slice_assigner.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/fault.h"
#include "core/runtime/mutation.h"
#include "execution-controller/dispatch/credit.h"

namespace slicemill::controller {
namespace {

constexpr std::uint64_t kSlicesPerFrame = 512;
constexpr std::size_t kRequestBytesPerFrame = 16 << 20;
constexpr std::uint64_t kLeastAhead = 3;  // slices per worker, of a source without an end
constexpr double kWorthRecallingUs = 2'000;

}  // namespace

SliceAssigner::SliceAssigner(SliceQueue& queue, LeaseTable& leases, WorkerTable& workers, WorkerLevels& levels,
                             std::uint64_t epoch, RetryPolicy retries, Hooks hooks)
    : queue_(queue),
      leases_(leases),
      workers_(workers),
      levels_(levels),
      epoch_(epoch),
      retries_(retries),
      hooks_(std::move(hooks)) {}

std::uint64_t SliceAssigner::credit(const Worker& worker) const {
  if (worker.leaving || worker.blocked || worker.alone || worker.slow || worker.peer == 0) return 0;
  const std::uint64_t limit = credit_limit(worker.slice_us);
  return worker.outstanding >= limit ? 0 : limit - worker.outstanding;
}

std::uint64_t SliceAssigner::wanted_ahead() const {
  std::uint64_t total = 1024;
  for (const auto& [number, worker] : workers_.all()) total += 2 * (credit(worker) + worker.outstanding);
  return total;
}

std::uint64_t SliceAssigner::least_ahead() const {
  std::uint64_t total = 0;
  for (const auto& [number, worker] : workers_.all()) {
    const std::uint64_t limit = credit(worker) + worker.outstanding;
    if (!worker.leaving) total += limit <= kLeastAhead ? kLeastAhead : 2 * limit;
  }
  return std::max(total, kLeastAhead);
}

void SliceAssigner::assign() {
  if (!open_) return;
  while (!isolated_.empty()) {
    Worker* idle = workers_.idle([this](const Worker& worker) { return credit(worker) > 0; });
    if (idle == nullptr) break;
    give_isolated(*idle);
  }
  // Round by round, so that few slices are spread over all workers.
  bool gave = true;
  while (gave && !queue_.empty() && hooks_.unsynced_slices() < kUnsyncedBound) {
    gave = false;
    std::uint64_t hungry = 0;
    for (const auto& [number, worker] : workers_.all()) hungry += credit(worker) > 0 ? 1 : 0;
    if (hungry == 0) break;
    // Few slices go to those who have none: one that was taken back from a busy worker would come there again.
    if (queue_.size() < hungry)
      for (auto& [number, worker] : workers_.all())
        if (!queue_.empty() && worker.outstanding == 0 && credit(worker) > 0) gave = give(worker, 1) || gave;
    const std::uint64_t share = std::max<std::uint64_t>(1, queue_.size() / hungry);
    for (auto& [number, worker] : workers_.all()) {
      const std::uint64_t count = std::min({credit(worker), share, kSlicesPerFrame, queue_.size()});
      if (count > 0) gave = give(worker, count) || gave;
    }
  }
  help_idle(false);
}

void SliceAssigner::end_patience() {
  if (open_) help_idle(true);
}

bool SliceAssigner::give(Worker& worker, std::uint64_t count) {
  wire::Dispatch dispatch;
  dispatch.epoch = epoch_;
  Given given = take_waiting(count, dispatch);
  if (workers_.send(worker, dispatch) != ServerChannel::Sent::ok) {
    worker.blocked = true;
    for (auto& span : std::views::reverse(given.spans)) queue_.push_front(std::move(span));
    for (auto& slice : given.singles) requeue(std::move(slice));
    return false;
  }
  workers_.ordered(worker, given.slices);
  for (auto& slice : given.singles) leases_.add(std::move(slice), worker.number);
  for (auto& span : given.spans) leases_.add(std::move(span), first_attempt(), worker.number);
  passed("dispatched");
  return true;
}

void SliceAssigner::passed(const char* fault_point) {
  if (!fault(fault_point)) hooks_.on_fatal(Error(ErrorCode::io, fmt::format("fault point {} fired", fault_point)));
}

SliceAssigner::Given SliceAssigner::take_waiting(std::uint64_t count, wire::Dispatch& dispatch) {
  Given given;
  for (std::size_t bytes = 0; given.slices < count && bytes < kRequestBytesPerFrame && !queue_.empty();) {
    auto next = queue_.take(count - given.slices);
    if (auto* span = std::get_if<SliceSpan>(&next)) {
      take_span(std::move(*span), dispatch, bytes, given);
      continue;
    }
    auto& slice = std::get<ActiveSlice>(next);
    slice.attempt = {epoch_, SLICEMILL_MUTATED("reuse_attempt") ? 1 : ++slice.tries};
    dispatch.slices.push_back(order_of(slice));
    bytes += dispatch.slices.back().request.size();
    ++given.slices;
    given.singles.push_back(std::move(slice));
  }
  return given;
}

// As much of the span as the frame takes; the rest waits on. Requests that are written out count by their bytes.
void SliceAssigner::take_span(SliceSpan span, wire::Dispatch& dispatch, std::size_t& bytes, Given& given) {
  if (const auto* list = std::get_if<ListRequests>(&span.run->requests)) {
    SliceSpan rest = span;
    for (span.to = span.from; span.to < rest.to && bytes < kRequestBytesPerFrame; ++span.to)
      bytes += list->requests[span.to].size();
    rest.from = span.to;
    if (rest.size() > 0) queue_.push_front(std::move(rest));
  }
  dispatch.spans.push_back({.run = span.run->part(span.from, span.to),
                            .attempt = first_attempt(),
                            .last_try = !retries_.may_retry(0, true)});
  given.slices += span.size();
  given.spans.push_back(std::move(span));
}

wire::SliceOrder SliceAssigner::order_of(const ActiveSlice& slice) const {
  return {.key = slice.key,
          .attempt = slice.attempt,
          .created_ms = slice.created_ms,
          .request = slice.request(),
          .last_try = !retries_.may_retry(slice.retries, true)};
}

bool SliceAssigner::order(Worker& worker, const ActiveSlice& slice, const Attempt& attempt) {
  wire::Dispatch dispatch{.epoch = epoch_, .slices = {order_of(slice)}};
  dispatch.slices[0].attempt = attempt;
  if (workers_.send(worker, dispatch) != ServerChannel::Sent::ok) {
    worker.blocked = true;
    return false;
  }
  workers_.ordered(worker, 1);
  return true;
}

void SliceAssigner::give_isolated(Worker& worker) {
  ActiveSlice slice = std::move(isolated_.front());
  isolated_.pop_front();
  slice.attempt = {epoch_, ++slice.tries};
  if (!order(worker, slice, slice.attempt)) {
    isolated_.push_front(std::move(slice));
    return;
  }
  worker.alone = true;
  leases_.add(std::move(slice), worker.number);
  passed("dispatched");
}

// When nothing waits and somebody idles, unstarted slices of the busiest worker come back to be shared.
void SliceAssigner::help_idle(bool has_waited) {
  leaves_waiting_ = false;
  if (!queue_.empty()) return;
  Worker* busiest = nullptr;
  bool somebody_idle = false;
  for (auto& [number, worker] : workers_.all()) {
    if (worker.leaving || worker.peer == 0) continue;
    if (worker.outstanding == 0) somebody_idle = true;
    if (busiest == nullptr || worker.outstanding > busiest->outstanding) busiest = &worker;
  }
  if (!somebody_idle || busiest == nullptr || busiest->outstanding < 2 || busiest->recall || busiest->none_waits)
    return;
  const double waiting_us = busiest->slice_us * static_cast<double>(busiest->outstanding - 1);
  leaves_waiting_ = !has_waited && waiting_us < kWorthRecallingUs;
  if (!leaves_waiting_) levels_.recall(*busiest, (busiest->outstanding - 1) / 2);
}

void SliceAssigner::recall_all() {
  for (auto& [number, worker] : workers_.all())
    if (worker.outstanding > 0) levels_.recall(worker, 0);
}

void SliceAssigner::requeue(ActiveSlice slice) {
  if (slice.crashes > 0)
    isolated_.push_back(std::move(slice));
  else
    queue_.push_front(std::move(slice));
}

}  // namespace slicemill::controller
