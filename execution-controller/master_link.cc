#include "execution-controller/master_link.h"

#include <utility>

#include "core/runtime/log.h"

namespace slicemill::controller {

MasterLink::MasterLink(Loop& loop, ClientChannel& channel, std::string ex_id, std::uint64_t epoch,
                       ProcessIdentity process, ExecutionSettings settings, Hooks hooks)
    : loop_(loop),
      channel_(channel),
      ex_id_(std::move(ex_id)),
      epoch_(epoch),
      process_(std::move(process)),
      settings_(settings),
      hooks_(std::move(hooks)) {}

void MasterLink::start() {
  channel_.on_frame([this](std::string_view frame) { on_frame(frame); });
  hello();
  beat();
}

void MasterLink::hello() {
  channel_.send(wire::encode(wire::ControllerHello{ex_id_, epoch_, process_}));
  if (tells_ledger_) channel_.send(wire::encode(wire::LedgerMade{epoch_}));
}

void MasterLink::report_soon() {
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
  auto level = hooks_.report();
  channel_.send(wire::encode(wire::Status{epoch_, std::move(level.status), std::move(level.reason),
                                          std::move(level.stats), level.workers, std::move(level.log_level)}));
}

// A lease: the master knows that we live as long as reports come.
void MasterLink::beat() {
  send_kept();
  if (outcome_)
    tell_outcome();
  else
    report();
  if (tells_ledger_) channel_.send(wire::encode(wire::LedgerMade{epoch_}));
  if (outcome_ && !done_) return;
  loop_.after(std::chrono::milliseconds(settings_.beat_ms), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) beat();
  });
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
  if (std::holds_alternative<wire::FinishedAck>(*message)) end();
  if (std::holds_alternative<wire::HelloAgain>(*message)) {
    hello();
    if (outcome_)
      tell_outcome();
    else
      report();
  }
}

}  // namespace slicemill::controller
