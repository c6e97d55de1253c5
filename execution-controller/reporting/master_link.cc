#include "execution-controller/reporting/master_link.h"

#include <algorithm>
#include <utility>

#include "core/runtime/log.h"

namespace slicemill::controller {
namespace {

// A master that forgot us, whatever the reason, hears of us again after so many.
constexpr int kHeartbeatsWithoutReport = 5;

}  // namespace

MasterLink::MasterLink(Loop& loop, ClientChannel& channel, std::string ex_id, std::uint64_t epoch,
                       ProcessIdentity process, ExecutionSettings settings, Hooks hooks, ProcessMonitor* monitor)
    : loop_(loop),
      channel_(channel),
      ex_id_(std::move(ex_id)),
      epoch_(epoch),
      process_(std::move(process)),
      settings_(settings),
      hooks_(std::move(hooks)),
      monitor_(monitor) {}

void MasterLink::start() {
  channel_.on_frame([this](std::string_view frame) { on_frame(frame); });
  hello();
  heartbeat();
}

void MasterLink::hello() {
  channel_.send(wire::encode(wire::ControllerHello{ex_id_, epoch_, process_}));
  if (tells_ledger_) channel_.send(wire::encode(wire::LedgerMade{epoch_}));
}

void MasterLink::report_soon() {
  has_news_ = true;
  if (scheduled_ || outcome_) return;
  scheduled_ = true;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    scheduled_ = false;
    report();
  });
}

void MasterLink::report() {
  if (outcome_) return;
  const bool has_news = std::exchange(has_news_, false);
  if (resting_ && !has_news && heartbeats_without_report_ < kHeartbeatsWithoutReport && hooks_.same_report &&
      hooks_.same_report()) {
    ++heartbeats_without_report_;
    pulse_->beat(loop_.now());
    return;
  }
  auto level = hooks_.report();
  const bool may_rest = pulse_ms_ > 0 && level.status == to_string(ExecutionStatus::paused);
  std::string frame = wire::encode(wire::Status{epoch_, std::move(level.status), std::move(level.reason),
                                                std::move(level.stats), level.workers, std::move(level.log_level)});
  const bool says_nothing_new = frame == reported_;
  if (may_rest && says_nothing_new && heartbeats_without_report_ < kHeartbeatsWithoutReport) {
    ++heartbeats_without_report_;
  } else {
    heartbeats_without_report_ = 0;
    reported_ = channel_.send(frame) ? std::move(frame) : std::string();
  }
  if (pulse_ms_ > 0) pulse_->beat(loop_.now());
  if (may_rest && says_nothing_new) {
    resting_ = true;
  } else if (std::exchange(resting_, false)) {
    heartbeat_after(settings_.beat_ms);
  }
}

// A lease: the master knows that we live as long as reports come.
void MasterLink::heartbeat() {
  send_kept();
  if (outcome_)
    tell_outcome();
  else
    report();
  if (tells_ledger_) channel_.send(wire::encode(wire::LedgerMade{epoch_}));
  if (outcome_ && !done_) return;
  heartbeat_after(resting_ && !outcome_ ? std::max(pulse_ms_, settings_.beat_ms) : settings_.beat_ms);
}

void MasterLink::heartbeat_after(std::int64_t ms) {
  loop_.cancel(heartbeat_timer_);
  heartbeat_timer_ = loop_.around(std::chrono::milliseconds(ms), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) heartbeat();
  });
}

void MasterLink::show_pulse(const ProcessIdentity& master) {
  if (monitor_ == nullptr || outcome_) return;
  if (!pulse_) {
    auto created = Pulse::create();
    if (!created) return;  // then every beat is a message
    pulse_ = std::move(*created);
  }
  master_watch_ = monitor_->watch(master, [this](ProcessExit) { master_gone(); });
  pulse_->beat(loop_.now());
  channel_.send(wire::encode(wire::Pulse{pulse_->path()}));
}

// The next one knows nothing of us, and may not be there yet: reports go on until it asks who we are.
void MasterLink::master_gone() {
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) master_watch_.reset();
  });
  pulse_ms_ = 0;
  if (std::exchange(resting_, false)) heartbeat_after(settings_.beat_ms);
  if (!outcome_) report();
}

void MasterLink::answer(wire::Answer answer) {
  send_surely(std::move(answer));
}

void MasterLink::worker_lost(const ProcessIdentity& process, const std::string& reason) {
  send_surely(wire::WorkerLost{process.pid, reason});
}

void MasterLink::send_surely(const wire::Message& message) {
  kept_.push_back(wire::encode(message));
  send_kept();
}

void MasterLink::send_kept() {
  while (!kept_.empty() && channel_.send(kept_.front())) kept_.pop_front();
}

void MasterLink::finish(StatusReport outcome, std::function<void()> done) {
  outcome_ = std::make_unique<StatusReport>(std::move(outcome));
  if (std::exchange(resting_, false)) heartbeat_after(settings_.beat_ms);
  outcome_since_ = loop_.now();
  done_ = std::move(done);
  tell_outcome();
}

void MasterLink::tell_outcome() {
  if (!done_) return;
  if (loop_.now() - outcome_since_ > std::chrono::milliseconds(kPatienceMs)) {
    log(LogLevel::warn, "the master did not take the outcome; it will find it in the ledger");
    end();
    return;
  }
  channel_.send(wire::encode(wire::Finished{epoch_, outcome_->status, outcome_->reason, outcome_->stats}));
}

void MasterLink::end() {
  if (const auto done = std::exchange(done_, nullptr)) done();
}

void MasterLink::on_frame(std::string_view frame) {
  const auto message = wire::decode(frame);
  if (!message) {
    log(LogLevel::warn, "from the master: {}", message.error().message);
    return;
  }
  if (const auto* verb = std::get_if<wire::Verb>(&*message)) hooks_.on_verb(*verb);
  if (const auto* query = std::get_if<wire::Query>(&*message)) hooks_.on_query(*query);
  if (const auto* exit = std::get_if<wire::WorkerExit>(&*message)) hooks_.on_worker_exit(exit->pid, exit->cause);
  if (const auto* wanted = std::get_if<wire::Wanted>(&*message)) hooks_.on_wanted(*wanted);
  if (std::holds_alternative<wire::LedgerNoted>(*message) && std::exchange(tells_ledger_, false))
    hooks_.on_ledger_noted();
  if (const auto* wait = std::get_if<wire::WorkersWait>(&*message); wait != nullptr && hooks_.on_workers_wait)
    hooks_.on_workers_wait(wait->reason);
  if (const auto* pulse = std::get_if<wire::PulseWanted>(&*message)) show_pulse(pulse->process);
  if (const auto* taken = std::get_if<wire::PulseTaken>(&*message); taken != nullptr && master_watch_)
    pulse_ms_ = static_cast<std::int64_t>(taken->every_ms);
  if (std::holds_alternative<wire::FinishedAck>(*message)) end();
  if (std::holds_alternative<wire::HelloAgain>(*message)) {
    pulse_ms_ = 0;
    reported_.clear();
    if (std::exchange(resting_, false)) heartbeat_after(settings_.beat_ms);
    hello();
    if (outcome_)
      tell_outcome();
    else
      report();
  }
}

}  // namespace slicemill::controller
