#include "execution-controller/dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "core/runtime/log.h"
#include "execution-controller/dispatch/credit.h"

namespace slicemill::controller {

Dispatcher::Dispatcher(Loop& loop, ServerChannel& channel, ProcessMonitor* monitor, SliceQueue& queue,
                       LedgerWriter& writer, Options options, Hooks hooks)
    : loop_(loop),
      channel_(channel),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      workers_(loop, channel, monitor,
               WorkerTable::Options{.controller = options_.controller,
                                    .settings = options_.settings,
                                    .looks_at_pulses = options_.looks_at_pulses},
               table_hooks()),
      levels_(loop, workers_,
              {.epoch = options_.epoch, .beat_ms = options_.settings.beat_ms, .log_level = options_.log_level},
              level_hooks()),
      assigner_(queue, leases_, workers_, levels_, options_.epoch, options_.retries,
                {.unsynced_slices = [&writer] { return writer.unsynced_slices(); }, .on_fatal = hooks_.on_fatal}),
      speculation_(make_speculation()),
      returns_(loop, leases_, assigner_, speculation_.get(),
               {.on_result = hooks_.on_result,
                .on_span_completed = hooks_.on_span_completed,
                .on_crash = hooks_.on_crash,
                .on_told = [this] { changed(); },
                .on_refused = hooks_.on_refused}),
      reattachment_(loop, queue, leases_, options_.epoch, options_.expected_workers, options_.settings.reattach_ms,
                    {.on_over = [this] { changed(); },
                     .on_adopted = hooks_.on_adopted,
                     .on_result = hooks_.on_result,
                     .on_span_completed = hooks_.on_span_completed}) {
  channel_.on_frame([this](ServerChannel::Peer peer, std::string_view frame) { on_frame(peer, frame); });
}

WorkerTable::Hooks Dispatcher::table_hooks() {
  return {.on_exit = [this](const Worker& worker,
                            const ProcessExit& exit) { hooks_.on_attempts_lost(returns_.bury(worker, exit)); },
          .on_silent = [this](const Worker& worker) { hooks_.on_attempts_lost(returns_.release(worker.number)); },
          .on_change = [this] { changed(); },
          .on_lost = hooks_.on_lost};
}

WorkerLevels::Hooks Dispatcher::level_hooks() {
  return {.after_recorded = hooks_.after_recorded, .revoked = [this](WorkerNumber number) {
            return speculation_ ? speculation_->revoked_of(number) : std::vector<wire::HeldSlice>();
          }};
}

std::unique_ptr<Speculation> Dispatcher::make_speculation() {
  if (!options_.speculation.enabled) return nullptr;
  return std::make_unique<Speculation>(
      loop_, workers_, levels_, leases_,
      Speculation::Options{options_.speculation, options_.epoch, options_.settings.lease_ms},
      Speculation::Hooks{.order =
                             [this](Worker& worker, const ActiveSlice& slice, const Attempt& attempt) {
                               if (!assigner_.order(worker, slice, attempt)) return false;
                               assigner_.passed("doubled");
                               return true;
                             },
                         .may_be_given = [this](const Worker& worker) { return assigner_.credit(worker) > 0; },
                         .on_patience_over = [this] { pump(); },
                         .on_refused = hooks_.on_refused,
                         .on_attempts_lost = hooks_.on_attempts_lost,
                         .on_lost = hooks_.on_lost,
                         .on_settled_twice = hooks_.on_result});
}

void Dispatcher::changed() {
  hooks_.on_change();
  pump();
}

void Dispatcher::set_open(bool open) {
  assigner_.set_open(open);
  if (open) pump();
}

void Dispatcher::pump() {
  if (!assigner_.is_open() || reattachment_.waiting()) return;
  assigner_.assign();
  if (assigner_.leaves_waiting() && !looks_again_) look_again();
  if (speculation_ && assigner_.nothing_waits() && leases_.size() > 0) speculation_->help();
}

// A slice must not wait behind one that runs for hours because others were short.
void Dispatcher::look_again() {
  looks_again_ = true;
  loop_.after(std::chrono::microseconds(static_cast<std::int64_t>(kWaitingWorkUs)),
              [this, alive = std::weak_ptr<bool>(alive_)] {
                if (alive.expired()) return;
                looks_again_ = false;
                if (assigner_.leaves_waiting() && !reattachment_.waiting()) assigner_.end_patience();
              });
}

void Dispatcher::push_isolated(ActiveSlice slice) {
  assigner_.push_isolated(std::move(slice));
  pump();
}

std::vector<ActiveSlice> Dispatcher::break_leases() {
  for (const auto& [number, worker] : workers_.all())
    if (worker.outstanding > 0) workers_.kill(worker);
  for (auto& [number, worker] : workers_.all()) worker.outstanding = 0;
  return returns_.take_all();
}

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
  if (const auto* heartbeat = std::get_if<wire::Heartbeat>(&*message)) levels_.on_heartbeat(*worker, *heartbeat);
  if (const auto* pulse = std::get_if<wire::Pulse>(&*message)) workers_.on_pulse(*worker, *pulse);
  if (auto* goodbye = std::get_if<wire::Goodbye>(&*message)) on_goodbye(*worker, goodbye->reason);
  worker = workers_.by_peer(peer);  // what it said may have ended it
  if (worker != nullptr) levels_.tell_missed(*worker);
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
  adopt_results(worker, hello);
  wire::Welcome welcome{.epoch = options_.epoch,
                        .generation_ids = options_.lineage,
                        .job = options_.job,
                        .controller = options_.controller,
                        .beat_ms = static_cast<std::uint64_t>(options_.settings.beat_ms),
                        .log_level = levels_.log_level(),
                        .cancelled = adopt_held(worker, hello)};
  returns_.keep_only(worker, hello.held);
  workers_.send(worker, welcome);
  workers_.ask_for_pulse(worker);
  levels_.greet(worker);
  reattachment_.joined(workers_.size());
  changed();
}

void Dispatcher::adopt_results(Worker& worker, wire::Hello& hello) {
  for (const auto& result : hello.unacked) {
    if (!result.remarks.empty()) hooks_.on_remarks(result.remarks.items());
    const bool is_second = speculation_ && speculation_->has(worker, result.key, result.attempt);
    if (is_second || returns_.holds(worker, result.key, result.attempt))
      returns_.take(worker, result);
    else if (!leases_.holder(result.key))
      reattachment_.adopt_result(result);
  }
  if (!hello.unacked.empty()) levels_.acknowledge(worker, hello.first_seq + hello.unacked.size() - 1);
}

std::vector<wire::HeldSlice> Dispatcher::adopt_held(Worker& worker, const wire::Hello& hello) {
  std::vector<wire::HeldSlice> cancelled;
  for (const auto& held : hello.held) {
    if (returns_.holds(worker, held.key, held.attempt)) continue;
    if (speculation_ && !speculation_->is_revoked(held.key, held.attempt) &&
        speculation_->has(worker, held.key, held.attempt))
      continue;
    if (!reattachment_.adopt_held(held, worker.number)) cancelled.push_back(held);
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
    if (!result.remarks.empty()) hooks_.on_remarks(result.remarks.items());
    returns_.take(worker, result);
    if (workers_.find(number) == nullptr) return;
  }
  if (!results.results.empty()) {
    const std::uint64_t last = results.first_seq + results.results.size() - 1;
    worker.received = std::max(worker.received, last);
    levels_.acknowledge(worker, last);
  }
  changed();
}

void Dispatcher::on_recalled(Worker& worker, const wire::Recalled& recalled) {
  // What it still holds runs, or its output is being synced: to ask again at once would go on for ever.
  worker.none_waits = recalled.slices.empty() && (worker.none_waits || worker.recall);
  worker.recall.reset();
  returns_.take_back(worker, recalled.slices);
  changed();
}

void Dispatcher::on_goodbye(Worker& worker, const std::string& reason) {
  const WorkerNumber number = worker.number;
  const bool dismissed = worker.leaving;
  log(LogLevel::info, "worker {} leaves{}{}", worker.id, reason.empty() ? "" : ": ", reason);
  if (!dismissed && !reason.empty()) {
    hooks_.on_fatal(Error(ErrorCode::invalid, reason));
    return;
  }
  (void)returns_.release(number);  // none of them began: it finished what it ran
  worker.leaving = true;
  // In one process there is no exit to wait for.
  if (!worker.watch) workers_.forget(number);
  changed();
}

}  // namespace slicemill::controller
