// The master's side of its conversations with controllers: who is connected, requests that wait for an answer, frames
// in and out.
//
// Owner: the master; loop thread. A request to a controller that is not there waits for its successor, kPatience at
// most; requests that were sent to one that died are sent again to the next (verbs are idempotent). A peer that sends
// what does not decode is dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/runtime/ids.h"
#include "core/runtime/loop.h"
#include "core/runtime/result.h"
#include "core/wire/channel.h"
#include "core/wire/messages.h"

namespace slicemill::master {

// Loop thread, one call per frame.
class ControllerEvents {
 public:
  virtual ~ControllerEvents() = default;
  // False: this controller has no business here any more; its peer is dropped.
  virtual bool on_hello(const wire::ControllerHello& hello) = 0;
  // It was let in, and can be told something from now on.
  virtual void on_connected(const ExecutionId& id) = 0;
  virtual void on_pulse(const ExecutionId& id, const wire::Pulse& pulse) = 0;
  virtual void on_status(const ExecutionId& id, const wire::Status& status) = 0;
  virtual void on_finished(const ExecutionId& id, const wire::Finished& finished) = 0;
  virtual void on_worker_lost(const ExecutionId& id, const wire::WorkerLost& lost) = 0;
  virtual void on_ledger_made(const ExecutionId& id, const wire::LedgerMade& made) = 0;
};

class ControllerLinks {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(30);
  // What was not answered for so long is asked again: the question or the answer may be lost. A controller knows a
  // question by its number.
  static constexpr Duration kAskAgain = std::chrono::seconds(3);
  // The controller's answer, or its error, or: unavailable (no answer within kPatience), cancelled (the execution
  // ended).
  using AnswerReply = std::function<void(Result<wire::Answer>)>;

  ControllerLinks(Loop& loop, std::unique_ptr<ServerChannel> channel, ControllerEvents& events);
  ~ControllerLinks();

  void verb(const ExecutionId& id, wire::VerbName name, std::string argument, AnswerReply reply);
  void query(const ExecutionId& id, wire::QueryName what, std::uint64_t from, std::uint64_t size, AnswerReply reply);
  // Sent if the controller is connected, otherwise forgotten: only for what a successor learns by itself.
  void tell(const ExecutionId& id, const wire::Message& message);

  bool connected(const ExecutionId& id) const { return peers_.contains(id); }
  // The controller is dead; what was asked of it waits for the next one.
  void forget(const ExecutionId& id);
  // The execution has ended: what still waits is answered `cancelled`.
  void end(const ExecutionId& id);

 private:
  struct Request {
    ExecutionId ex_id;
    wire::Message message;
    AnswerReply reply;
    Loop::TimerId timer = 0;
    bool sent = false;
    SteadyTime sent_at;
  };

  void ask(const ExecutionId& id, wire::Message message, std::uint64_t request_id, AnswerReply reply);
  void on_frame(ServerChannel::Peer peer, std::string_view frame);
  void on_hello(ServerChannel::Peer peer, const wire::ControllerHello& hello);
  void on_answer(const ExecutionId& id, const wire::Answer& answer);
  void send_waiting(const ExecutionId& id);
  void finish(std::uint64_t request_id, Result<wire::Answer> result);

  Loop& loop_;
  ControllerEvents& events_;
  std::map<ExecutionId, ServerChannel::Peer> peers_;
  std::map<ServerChannel::Peer, ExecutionId> executions_;
  std::map<std::uint64_t, Request> requests_;  // by id, so in order of asking
  std::uint64_t next_request_;
  std::unique_ptr<ServerChannel> channel_;
};

}  // namespace slicemill::master
