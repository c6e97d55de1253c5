#include "execution-controller/dispatch/dispatcher.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/fault.h"
#include "core/runtime/files.h"
#include "core/runtime/in_flight_marker.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/dispatch/credit.h"

namespace slicemill::controller {
namespace {

constexpr std::uint64_t kSlicesPerFrame = 512;
constexpr std::size_t kRequestBytesPerFrame = 16 << 20;
constexpr std::uint64_t kLeastAhead = 3;  // slices per worker, of a source without an end
constexpr std::size_t kUnsyncedBound = 50'000;
constexpr double kWorthRecallingUs = 2'000;

}  // namespace

Dispatcher::Dispatcher(Loop& loop, ServerChannel& channel, ProcessMonitor* monitor, SliceQueue& queue,
                       LedgerWriter& writer, Options options, Hooks hooks)
    : loop_(loop),
      channel_(channel),
      queue_(queue),
      writer_(writer),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      charge_(loop, CrashCharge::Hooks{.on_free = [this](ActiveSlice slice) { requeue(std::move(slice)); },
                                       .on_crash = hooks_.on_crash,
                                       .on_told =
                                           [this] {
                                             hooks_.on_change();
                                             pump();
                                           }}),
      workers_(loop, channel, monitor,
               WorkerTable::Options{.epoch = options_.epoch,
                                    .controller = options_.controller,
                                    .log_level = options_.log_level,
                                    .settings = options_.settings,
                                    .looks_at_pulses = options_.looks_at_pulses},
               table_hooks()) {
  if (options_.speculation.enabled)
    speculation_ = std::make_unique<Speculation>(loop_, workers_, leases_, options_.speculation, options_.epoch,
                                                 options_.settings.lease_ms, speculation_hooks());
  channel_.on_frame([this](ServerChannel::Peer peer, std::string_view frame) { on_frame(peer, frame); });
  if (options_.expected_workers == 0) return;
  waiting_for_known_ = true;
  loop_.after(std::chrono::milliseconds(options_.settings.reattach_ms), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    waiting_for_known_ = false;
    hooks_.on_change();
    pump();
  });
}

WorkerTable::Hooks Dispatcher::table_hooks() {
  return {.on_exit = [this](const Worker& worker, const ProcessExit& exit) { on_exit(worker, exit); },
          .on_silent = [this](const Worker& worker) { hooks_.on_attempts_lost(release_leases(worker.number)); },
          .on_change =
              [this] {
                hooks_.on_change();
                pump();
              },
          .after_sync = [this](std::function<void()> then) { writer_.after_sync(std::move(then)); },
          .on_lost = hooks_.on_lost,
          .revoked =
              [this](WorkerNumber number) {
                return speculation_ ? speculation_->revoked_of(number) : std::vector<wire::HeldSlice>();
              }};
}

Speculation::Hooks Dispatcher::speculation_hooks() {
  return {.order =
              [this](Worker& worker, const ActiveSlice& slice, const Attempt& attempt) {
                if (!order(worker, slice, attempt)) return false;
                passed("doubled");
                return true;
              },
          .may_be_given = [this](const Worker& worker) { return credit(worker) > 0; },
          .on_patience_over = [this] { pump(); },
          .on_refused = hooks_.on_refused,
          .on_attempts_lost = hooks_.on_attempts_lost,
          .on_lost = hooks_.on_lost,
          .on_settled_twice = hooks_.on_result};
}

// ---- to the workers ----

void Dispatcher::set_open(bool open) {
  open_ = open;
  if (open_) pump();
}

std::uint64_t Dispatcher::credit(const Worker& worker) const {
  if (worker.leaving || worker.blocked || worker.alone || worker.slow || worker.peer == 0) return 0;
  const std::uint64_t limit = credit_limit(worker.slice_us);
  return worker.outstanding >= limit ? 0 : limit - worker.outstanding;
}

std::uint64_t Dispatcher::wanted_ahead() const {
  std::uint64_t total = 1024;
  for (const auto& [number, worker] : workers_.all()) total += 2 * (credit(worker) + worker.outstanding);
  return total;
}

std::uint64_t Dispatcher::least_ahead() const {
  std::uint64_t total = 0;
  for (const auto& [number, worker] : workers_.all()) {
    const std::uint64_t limit = credit(worker) + worker.outstanding;
    if (!worker.leaving) total += limit <= kLeastAhead ? kLeastAhead : 2 * limit;
  }
  return std::max(total, kLeastAhead);
}

void Dispatcher::pump() {
  if (!open_ || waiting_for_known_) return;
  while (!isolated_.empty()) {
    Worker* idle = workers_.idle([this](const Worker& worker) { return credit(worker) > 0; });
    if (idle == nullptr) break;
    give_isolated(*idle);
  }
  // Round by round, so that few slices are spread over all workers.
  bool gave = true;
  while (gave && !queue_.empty() && writer_.unsynced_slices() < kUnsyncedBound) {
    gave = false;
    std::uint64_t hungry = 0;
    for (const auto& [number, worker] : workers_.all()) hungry += credit(worker) > 0 ? 1 : 0;
    if (hungry == 0) break;
    const std::uint64_t share = std::max<std::uint64_t>(1, queue_.size() / hungry);
    for (auto& [number, worker] : workers_.all()) {
      const std::uint64_t count = std::min({credit(worker), share, kSlicesPerFrame, queue_.size()});
      if (count > 0) gave = give(worker, count) || gave;
    }
  }
  help_idle();
  if (speculation_ && queue_.empty() && isolated_.empty() && leases_.size() > 0) speculation_->help();
}

bool Dispatcher::give(Worker& worker, std::uint64_t count) {
  wire::Dispatch dispatch;
  dispatch.epoch = options_.epoch;
  Given given = take_waiting(count, dispatch);
  if (workers_.send(worker, dispatch) != ServerChannel::Sent::ok) {
    worker.blocked = true;
    for (auto span = given.spans.rbegin(); span != given.spans.rend(); ++span) queue_.push_front(std::move(*span));
    for (auto& slice : given.singles) requeue(std::move(slice));
    return false;
  }
  workers_.ordered(worker, given.slices);
  for (auto& slice : given.singles) leases_.add(std::move(slice), worker.number);
  for (auto& span : given.spans) leases_.add(std::move(span), first_attempt(), worker.number);
  passed("dispatched");
  return true;
}

void Dispatcher::passed(const char* fault_point) {
  if (!fault(fault_point)) hooks_.on_fatal(Error(ErrorCode::io, fmt::format("fault point {} fired", fault_point)));
}

Dispatcher::Given Dispatcher::take_waiting(std::uint64_t count, wire::Dispatch& dispatch) {
  Given given;
  for (std::size_t bytes = 0; given.slices < count && bytes < kRequestBytesPerFrame && !queue_.empty();) {
    auto next = queue_.take(count - given.slices);
    if (auto* span = std::get_if<SliceSpan>(&next)) {
      take_span(std::move(*span), dispatch, bytes, given);
      continue;
    }
    auto& slice = std::get<ActiveSlice>(next);
    slice.attempt = {options_.epoch, SLICEMILL_MUTATED("reuse_attempt") ? 1 : ++slice.tries};
    dispatch.slices.push_back(order_of(slice));
    bytes += dispatch.slices.back().request.size();
    ++given.slices;
    given.singles.push_back(std::move(slice));
  }
  return given;
}

// As much of the span as the frame takes; the rest waits on. Requests that are written out count by their bytes.
void Dispatcher::take_span(SliceSpan span, wire::Dispatch& dispatch, std::size_t& bytes, Given& given) {
  if (const auto* list = std::get_if<ListRequests>(&span.run->requests)) {
    SliceSpan rest = span;
    for (span.to = span.from; span.to < rest.to && bytes < kRequestBytesPerFrame; ++span.to)
      bytes += list->requests[span.to].size();
    rest.from = span.to;
    if (rest.size() > 0) queue_.push_front(std::move(rest));
  }
  dispatch.spans.push_back({.run = span.run->part(span.from, span.to),
                            .attempt = first_attempt(),
                            .last_try = !options_.retries.may_retry(0, true)});
  given.slices += span.size();
  given.spans.push_back(std::move(span));
}

wire::SliceOrder Dispatcher::order_of(const ActiveSlice& slice) const {
  return {.key = slice.key,
          .attempt = slice.attempt,
          .created_ms = slice.created_ms,
          .request = slice.request(),
          .last_try = !options_.retries.may_retry(slice.retries, true)};
}

void Dispatcher::push_isolated(ActiveSlice slice) {
  isolated_.push_back(std::move(slice));
  pump();
}

bool Dispatcher::order(Worker& worker, const ActiveSlice& slice, const Attempt& attempt) {
  wire::Dispatch dispatch{.epoch = options_.epoch, .slices = {order_of(slice)}};
  dispatch.slices[0].attempt = attempt;
  if (workers_.send(worker, dispatch) != ServerChannel::Sent::ok) {
    worker.blocked = true;
    return false;
  }
  workers_.ordered(worker, 1);
  return true;
}

void Dispatcher::give_isolated(Worker& worker) {
  ActiveSlice slice = std::move(isolated_.front());
  isolated_.pop_front();
  slice.attempt = {options_.epoch, ++slice.tries};
  if (!order(worker, slice, slice.attempt)) {
    isolated_.push_front(std::move(slice));
    return;
  }
  worker.alone = true;
  leases_.add(std::move(slice), worker.number);
  passed("dispatched");
}

// When nothing waits and somebody idles, unstarted slices of the busiest worker come back to be shared.
void Dispatcher::help_idle() {
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
  if (busiest->slice_us * static_cast<double>(busiest->outstanding - 1) < kWorthRecallingUs) return;
  workers_.recall(*busiest, (busiest->outstanding - 1) / 2);
}

void Dispatcher::recall_all() {
  for (auto& [number, worker] : workers_.all())
    if (worker.outstanding > 0) workers_.recall(worker, 0);
}

std::vector<ActiveSlice> Dispatcher::break_leases() {
  for (const auto& [number, worker] : workers_.all())
    if (worker.outstanding > 0) workers_.kill(worker);
  std::vector<ActiveSlice> slices = leases_.take_all();
  for (auto& slice : charge_.take_all()) slices.push_back(std::move(slice));
  for (auto& [number, worker] : workers_.all()) worker.outstanding = 0;
  if (speculation_) speculation_->clear();
  return slices;
}

// ---- from the workers ----

void Dispatcher::on_frame(ServerChannel::Peer peer, std::string_view frame) {
  auto message = wire::decode(frame);
  if (!message) {
    log(LogLevel::warn, "dropping a peer: {}", message.error().message);
    channel_.drop(peer);
    return;
  }
  if (auto* hello = std::get_if<wire::Hello>(&*message)) {
    on_hello(peer, *hello);
    return;
  }
  Worker* worker = workers_.by_peer(peer);
  if (worker == nullptr) {
    (void)channel_.send(peer, wire::encode(wire::HelloAgain{}));
    return;
  }
  worker->heard = loop_.now();
  const bool was_blocked = std::exchange(worker->blocked, false);
  if (auto* results = std::get_if<wire::Results>(&*message)) on_results(*worker, *results);
  if (auto* recalled = std::get_if<wire::Recalled>(&*message)) on_recalled(*worker, *recalled);
  if (const auto* heartbeat = std::get_if<wire::Heartbeat>(&*message)) workers_.on_heartbeat(*worker, *heartbeat);
  if (const auto* pulse = std::get_if<wire::Pulse>(&*message)) workers_.on_pulse(*worker, *pulse);
  if (auto* goodbye = std::get_if<wire::Goodbye>(&*message)) on_goodbye(*worker, goodbye->reason);
  worker = workers_.by_peer(peer);  // what it said may have ended it
  if (worker != nullptr) workers_.tell_missed(*worker);
  if (was_blocked) pump();  // nothing else may happen that would give it what was held back
}

void Dispatcher::on_hello(ServerChannel::Peer peer, wire::Hello& hello) {
  Worker& worker = workers_.welcome_back_or_new(peer, hello);
  worker.heard = loop_.now();
  worker.blocked = worker.untold = worker.alone = false;
  worker.recall.reset();
  worker.none_waits = false;
  worker.received = hello.first_seq + hello.unacked.size();
  worker.received -= worker.received > 0 ? 1 : 0;
  worker.begins(worker.heard);
  log(LogLevel::info, "worker {} (pid {}) joins with {} held slices and {} results", hello.worker_id, hello.process.pid,
      hello.held.size(), hello.unacked.size());
  const WorkerNumber number = worker.number;
  adopt_results(worker, hello);
  wire::Welcome welcome{.epoch = options_.epoch,
                        .generation_ids = options_.lineage,
                        .job = options_.job,
                        .controller = options_.controller,
                        .beat_ms = static_cast<std::uint64_t>(options_.settings.beat_ms),
                        .log_level = workers_.log_level(),
                        .cancelled = adopt_held(worker, hello)};
  // What it neither holds nor finished did not reach it.
  std::vector<std::pair<SliceKey, Attempt>> ended;
  if (speculation_) speculation_->drop_all(number, hello.held, ended);
  std::vector<SliceKey> kept;
  for (const auto& held : hello.held) kept.push_back(held.key);
  std::sort(kept.begin(), kept.end());
  worker.outstanding = 0;
  for (const auto& key : leases_.held_by(number)) {
    if (std::binary_search(kept.begin(), kept.end(), key))
      ++worker.outstanding;
    else
      requeue(leases_.take(key));
  }
  if (speculation_) worker.outstanding += speculation_->held_by(number);
  workers_.send(worker, welcome);
  workers_.greet(worker);
  if (waiting_for_known_ && workers_.size() >= options_.expected_workers) waiting_for_known_ = false;
  hooks_.on_change();
  pump();
}

// Only what an earlier controller gave, and only while it is waited for: what ended otherwise may have lost its staged
// output, and runs again.
bool Dispatcher::may_adopt(const Attempt& attempt) const {
  return (waiting_for_known_ || SLICEMILL_MUTATED("adopt_late")) && attempt.epoch < options_.epoch;
}

void Dispatcher::adopt_results(Worker& worker, wire::Hello& hello) {
  for (const auto& result : hello.unacked) {
    if (!result.remarks.empty()) hooks_.on_remarks(result.remarks);
    if (speculation_ && speculation_->has(worker, result.key, result.attempt)) {
      take_result(worker, result);
      continue;
    }
    if (leases_.holder(result.key)) {
      if (holds(worker, result.key, result.attempt)) take_result(worker, result);
      continue;
    }
    // Finished under an earlier controller: it counts if the slice is still open and the worker not late.
    if (!may_adopt(result.attempt)) continue;
    if (result.count > 1) {  // it staged nothing that would have to be kept
      if (const auto span = queue_.extract(result.key, result.count)) hooks_.on_span_completed(*span, result);
    } else if (auto slice = queue_.extract(result.key)) {
      slice->attempt = result.attempt;
      hooks_.on_adopted(result.key, result.attempt);
      hooks_.on_result(std::move(*slice), result);
    }
  }
  if (!hello.unacked.empty()) workers_.acknowledge(worker, hello.first_seq + hello.unacked.size() - 1);
}

std::vector<wire::HeldSlice> Dispatcher::adopt_held(Worker& worker, const wire::Hello& hello) {
  std::vector<wire::HeldSlice> cancelled;
  for (const auto& held : hello.held) {
    if (holds(worker, held.key, held.attempt)) continue;
    if (speculation_ && !speculation_->is_revoked(held.key, held.attempt) &&
        speculation_->has(worker, held.key, held.attempt))
      continue;
    if (!leases_.holder(held.key) && may_adopt(held.attempt)) {
      if (auto slice = queue_.extract(held.key)) {
        slice->attempt = held.attempt;
        hooks_.on_adopted(held.key, held.attempt);
        leases_.add(std::move(*slice), worker.number);
        continue;
      }
    }
    cancelled.push_back(held);
  }
  return cancelled;
}

void Dispatcher::on_results(Worker& worker, wire::Results& results) {
  const WorkerNumber number = worker.number;
  if (results.epoch != options_.epoch) {  // its Hello will bring them again
    hooks_.on_refused();
    return;
  }
  for (const auto& result : results.results) {
    if (!result.remarks.empty()) hooks_.on_remarks(result.remarks);
    take_result(worker, result);
    if (workers_.find(number) == nullptr) return;
  }
  if (!results.results.empty()) {
    const std::uint64_t last = results.first_seq + results.results.size() - 1;
    worker.received = std::max(worker.received, last);
    workers_.acknowledge(worker, last);
  }
  hooks_.on_change();
  pump();
}

bool Dispatcher::holds(const Worker& worker, const SliceKey& key, const Attempt& attempt) const {
  return leases_.holder(key) == LeaseTable::Holder{worker.number, attempt};
}

void Dispatcher::take_result(Worker& worker, const wire::SliceResult& result) {
  if (speculation_) worker.begins(worker.heard);
  if (result.count > 1) {
    take_span_result(worker, result);
    return;
  }
  if (speculation_ && speculation_->take(worker, result)) return;
  const bool is_stale = !holds(worker, result.key, result.attempt);
  if (is_stale && !(SLICEMILL_MUTATED("accept_stale_attempt") && leases_.holder(result.key))) {
    hooks_.on_refused();
    return;
  }
  ActiveSlice slice = leases_.take(result.key);
  slices_done(worker, result);
  hooks_.on_result(std::move(slice), result);
}

// Its sums are of all of its slices: if one of them is not this worker's any more, none counts, and those that are run
// again.
void Dispatcher::take_span_result(Worker& worker, const wire::SliceResult& result) {
  if (const auto span = leases_.take(result.key, result.count, {worker.number, result.attempt})) {
    slices_done(worker, result);
    hooks_.on_span_completed(*span, result);
    return;
  }
  hooks_.on_refused();
  SliceKey key = result.key;
  for (std::uint64_t i = 0; i < result.count; ++i, ++key.order) {
    if (drop_second_attempt(worker, {key, result.attempt})) continue;
    if (!holds(worker, key, result.attempt)) continue;
    requeue(leases_.take(key));
    if (worker.outstanding > 0) --worker.outstanding;
  }
}

void Dispatcher::slices_done(Worker& worker, const wire::SliceResult& result) {
  worker.outstanding -= std::min(worker.outstanding, result.count);
  worker.alone = false;
  const double us = std::max(0.5, static_cast<double>(result.busy_us) / static_cast<double>(result.count));
  if (speculation_ && result.outcome == wire::Outcome::completed)
    speculation_->measured(static_cast<std::uint64_t>(us));
  const double kept = std::pow(0.9, static_cast<double>(result.count));
  worker.slice_us = worker.slice_us == 0 ? us : worker.slice_us * kept + us * (1 - kept);
}

void Dispatcher::on_recalled(Worker& worker, const wire::Recalled& recalled) {
  // What it still holds runs, or its output is being synced: to ask again at once would go on for ever.
  worker.none_waits = recalled.slices.empty() && (worker.none_waits || worker.recall);
  worker.recall.reset();
  // Newest first as the worker gave them back; to the front in the old order.
  for (const auto& held : recalled.slices) {
    if (drop_second_attempt(worker, held)) continue;
    if (!holds(worker, held.key, held.attempt)) continue;
    ActiveSlice slice = leases_.take(held.key);
    if (!SLICEMILL_MUTATED("drop_recalled")) requeue(std::move(slice));
    if (worker.outstanding > 0) --worker.outstanding;
  }
  hooks_.on_change();
  pump();
}

void Dispatcher::on_goodbye(Worker& worker, const std::string& reason) {
  const WorkerNumber number = worker.number;
  const bool dismissed = worker.leaving;
  log(LogLevel::info, "worker {} leaves{}{}", worker.id, reason.empty() ? "" : ": ", reason);
  if (!dismissed && !reason.empty()) {
    hooks_.on_fatal(Error(ErrorCode::invalid, reason));
    return;
  }
  (void)release_leases(number);  // none of them began: it finished what it ran
  worker.leaving = true;
  // In one process there is no exit to wait for.
  if (!worker.watch) workers_.forget(number);
  hooks_.on_change();
  pump();
}

// ---- what becomes of a worker's slices ----

void Dispatcher::requeue(ActiveSlice slice) {
  if (slice.crashes > 0)
    isolated_.push_back(std::move(slice));
  else
    queue_.push_front(std::move(slice));
}

std::vector<std::pair<SliceKey, Attempt>> Dispatcher::release_leases(WorkerNumber number) {
  std::vector<std::pair<SliceKey, Attempt>> attempts;
  if (speculation_) speculation_->drop_all(number, {}, attempts);
  for (auto& slice : leases_.take_all(number)) {
    attempts.emplace_back(slice.key, slice.attempt);
    if (!SLICEMILL_MUTATED("forget_lease")) requeue(std::move(slice));
  }
  return attempts;
}

void Dispatcher::on_exit(const Worker& worker, const ProcessExit& exit) {
  std::vector<std::pair<SliceKey, Attempt>> lost;
  if (speculation_) speculation_->drop_all(worker.number, {}, lost);  // what goes on elsewhere is charged to nobody
  std::optional<ActiveSlice> begun;
  if (const auto marker = read_in_flight_marker(worker.marker_path); marker && marker->begun) {
    const SliceKey key = key_of(*marker->begun);
    if (holds(worker, key, attempt_of(*marker->begun))) begun = leases_.take(key);
  }
  (void)posix_files().remove(worker.marker_path);
  const auto released = release_leases(worker.number);
  lost.insert(lost.end(), released.begin(), released.end());
  if (begun) lost.emplace_back(begun->key, begun->attempt);
  hooks_.on_attempts_lost(lost);
  if (!begun) return;
  if (worker.leaving)
    requeue(std::move(*begun));
  else
    charge_.charge(std::move(*begun), worker.process.pid, exit);
}

}  // namespace slicemill::controller
