#include "master/processes/controller_links.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

#include "core/runtime/log.h"

namespace slicemill::master {

ControllerLinks::ControllerLinks(Loop& loop, std::unique_ptr<ServerChannel> channel, ControllerEvents& events)
    : loop_(loop),
      events_(events),
      // Not from 1: an answer to a former master's request must not be taken for one to ours.
      next_request_(static_cast<std::uint64_t>(loop.wall_ms()) << 20),
      channel_(std::move(channel)) {
  channel_->on_frame([this](ServerChannel::Peer peer, std::string_view frame) { on_frame(peer, frame); });
}

ControllerLinks::~ControllerLinks() {
  for (auto& [id, request] : requests_) loop_.cancel(request.timer);
}

void ControllerLinks::verb(const ExecutionId& id, wire::VerbName name, std::string argument, AnswerReply reply) {
  const std::uint64_t request_id = next_request_++;
  ask(id, wire::Verb{request_id, name, std::move(argument)}, request_id, std::move(reply));
}

void ControllerLinks::query(const ExecutionId& id, wire::QueryName what, std::uint64_t from, std::uint64_t size,
                            AnswerReply reply) {
  const std::uint64_t request_id = next_request_++;
  ask(id, wire::Query{request_id, what, from, size}, request_id, std::move(reply));
}

void ControllerLinks::ask(const ExecutionId& id, wire::Message message, std::uint64_t request_id, AnswerReply reply) {
  Request& request = requests_[request_id];
  request.ex_id = id;
  request.message = std::move(message);
  request.reply = std::move(reply);
  request.timer = loop_.after(kPatience, [this, request_id, id] {
    const bool sent = requests_.at(request_id).sent;
    finish(request_id, Error{ErrorCode::unavailable,
                             fmt::format("the controller of execution {} {} within {} s", id.text,
                                         sent ? "did not answer" : "did not come back",
                                         std::chrono::duration_cast<std::chrono::seconds>(kPatience).count())});
  });
  send_waiting(id);
}

void ControllerLinks::finish(std::uint64_t request_id, Result<wire::Answer> result) {
  const auto found = requests_.find(request_id);
  if (found == requests_.end()) return;
  loop_.cancel(found->second.timer);
  const AnswerReply reply = std::move(found->second.reply);
  requests_.erase(found);
  reply(std::move(result));
}

void ControllerLinks::tell(const ExecutionId& id, const wire::Message& message) {
  const auto peer = peers_.find(id);
  if (peer != peers_.end()) channel_->send(peer->second, wire::encode(message));
}

void ControllerLinks::forget(const ExecutionId& id) {
  const auto peer = peers_.find(id);
  if (peer != peers_.end()) {
    channel_->drop(peer->second);
    executions_.erase(peer->second);
    peers_.erase(peer);
  }
  for (auto& [request_id, request] : requests_) {
    if (request.ex_id == id) request.sent = false;
  }
}

void ControllerLinks::end(const ExecutionId& id) {
  std::vector<std::uint64_t> waiting;
  for (const auto& [request_id, request] : requests_) {
    if (request.ex_id == id) waiting.push_back(request_id);
  }
  for (const auto request_id : waiting) {
    finish(request_id, Error{ErrorCode::cancelled, fmt::format("execution {} has ended", id.text)});
  }
}

void ControllerLinks::send_waiting(const ExecutionId& id) {
  const auto peer = peers_.find(id);
  if (peer == peers_.end()) return;
  for (auto& [request_id, request] : requests_) {
    if (request.ex_id != id || (request.sent && loop_.now() - request.sent_at < kAskAgain)) continue;
    const auto sent = channel_->send(peer->second, wire::encode(request.message));
    if (sent == ServerChannel::Sent::gone) {
      forget(id);
      return;
    }
    if (sent == ServerChannel::Sent::would_block) return;  // its next frame is the next try
    request.sent = true;
    request.sent_at = loop_.now();
  }
}

void ControllerLinks::on_frame(ServerChannel::Peer peer, std::string_view frame) {
  auto message = wire::decode(frame);
  if (!message) {
    log(LogLevel::error, "a controller sent what is no message, dropping it: {}", message.error().message);
    const auto known = executions_.find(peer);
    if (known != executions_.end()) {
      forget(ExecutionId(known->second));
    } else {
      channel_->drop(peer);
    }
    return;
  }
  if (const auto* hello = std::get_if<wire::ControllerHello>(&*message)) {
    on_hello(peer, *hello);
    return;
  }
  const auto known = executions_.find(peer);
  if (known == executions_.end()) {
    channel_->send(peer, wire::encode(wire::HelloAgain{}));
    return;
  }
  const ExecutionId id = known->second;
  if (const auto* status = std::get_if<wire::Status>(&*message)) {
    events_.on_status(id, *status);
  } else if (const auto* finished = std::get_if<wire::Finished>(&*message)) {
    events_.on_finished(id, *finished);
  } else if (const auto* answer = std::get_if<wire::Answer>(&*message)) {
    on_answer(id, *answer);
  } else if (const auto* lost = std::get_if<wire::WorkerLost>(&*message)) {
    events_.on_worker_lost(id, *lost);
  } else if (const auto* made = std::get_if<wire::LedgerMade>(&*message)) {
    events_.on_ledger_made(id, *made);
  } else if (const auto* pulse = std::get_if<wire::Pulse>(&*message)) {
    events_.on_pulse(id, *pulse);
  } else {
    log(LogLevel::error, "the controller of execution {} sent a message that is not for the master, dropping it",
        id.text);
    forget(id);
    return;
  }
  send_waiting(id);
}

void ControllerLinks::on_hello(ServerChannel::Peer peer, const wire::ControllerHello& hello) {
  const ExecutionId id(hello.ex_id);
  if (!events_.on_hello(hello)) {
    channel_->drop(peer);
    return;
  }
  const auto former = peers_.find(id);
  if (former != peers_.end() && former->second != peer) forget(id);
  peers_[id] = peer;
  executions_[peer] = id;
  channel_->send(peer, wire::encode(wire::ControllerWelcome{}));
  events_.on_connected(id);
  send_waiting(id);
}

void ControllerLinks::on_answer(const ExecutionId& id, const wire::Answer& answer) {
  const auto found = requests_.find(answer.request_id);
  if (found == requests_.end() || found->second.ex_id != id) return;  // late: somebody was told already
  if (answer.ok) {
    finish(answer.request_id, answer);
    return;
  }
  const bool known_code = answer.code <= static_cast<std::uint8_t>(ErrorCode::internal);
  finish(answer.request_id,
         Error{known_code ? static_cast<ErrorCode>(answer.code) : ErrorCode::internal, answer.message});
}

}  // namespace slicemill::master
