// The controller's side of the conversation with a master, as the test plays it: real messages over a real channel, no
// execution behind.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/model/stats_v0.h"
#include "core/wire/channel.h"
#include "core/wire/memory_channel.h"
#include "core/wire/messages.h"

namespace slicemill {

class ScriptedController {
 public:
  ScriptedController(MemoryHub& hub, std::string ex_id, std::uint64_t epoch, ProcessIdentity process)
      : channel_(hub.client()), ex_id_(std::move(ex_id)), epoch_(epoch), process_(std::move(process)) {
    channel_->on_frame([this](std::string_view frame) { on_frame(frame); });
  }

  // What the master said, in order, by kind.
  std::vector<wire::Verb> verbs;
  std::vector<wire::Query> queries;
  std::vector<wire::WorkerExit> worker_exits;
  std::vector<wire::Wanted> wanted;
  int welcomes = 0;
  int finished_acks = 0;
  int ledger_notes = 0;
  int hello_agains = 0;

  // Settable: verbs are answered at once, as reached; queries with this body.
  bool answers = true;
  bool obeys = true;              // reports the levels that it was told last
  std::string query_body = "[]";  // the first page of the answer, and the last

  void hello() { channel_->send(wire::encode(wire::ControllerHello{ex_id_, epoch_, process_})); }
  void ledger_made() { channel_->send(wire::encode(wire::LedgerMade{epoch_})); }
  // stats: as older programs stored them.
  void status(const std::string& status, const std::string& reason = "",
              const std::string& stats = R"({"processed":0,"failed":0,"queued":0})") {
    wire::Status level{epoch_, status, reason, *stats_from_json(stats)};
    if (!wanted.empty() && obeys) {
      level.workers = wanted.back().workers;
      level.log_level = wanted.back().log_level;
    }
    channel_->send(wire::encode(level));
  }
  void finished(const std::string& status, const std::string& reason = "",
                const std::string& stats = R"({"processed":3,"failed":0,"queued":0})") {
    channel_->send(wire::encode(wire::Finished{epoch_, status, reason, *stats_from_json(stats)}));
  }
  void worker_lost(std::int64_t pid, const std::string& reason) {
    channel_->send(wire::encode(wire::WorkerLost{pid, reason}));
  }
  void answer(std::uint64_t request_id, const std::string& status) {
    channel_->send(wire::encode(wire::Answer{request_id, true, 0, "", "{\"status\":\"" + status + "\"}"}));
  }
  void refuse(std::uint64_t request_id, ErrorCode code, const std::string& message) {
    channel_->send(wire::encode(wire::Answer{request_id, false, static_cast<std::uint8_t>(code), message, ""}));
  }
  void raw(const std::string& frame) { channel_->send(frame); }

 private:
  void on_frame(std::string_view frame) {
    const auto message = wire::decode(frame);
    if (!message) return;
    if (const auto* verb = std::get_if<wire::Verb>(&*message)) on_verb(*verb);
    if (const auto* query = std::get_if<wire::Query>(&*message)) {
      queries.push_back(*query);
      if (answers)
        channel_->send(
            wire::encode(wire::Answer{query->request_id, true, 0, "", query->from == 0 ? query_body : "[]"}));
    }
    if (const auto* levels = std::get_if<wire::Wanted>(&*message)) wanted.push_back(*levels);
    if (const auto* exit = std::get_if<wire::WorkerExit>(&*message)) worker_exits.push_back(*exit);
    welcomes += std::holds_alternative<wire::ControllerWelcome>(*message) ? 1 : 0;
    finished_acks += std::holds_alternative<wire::FinishedAck>(*message) ? 1 : 0;
    ledger_notes += std::holds_alternative<wire::LedgerNoted>(*message) ? 1 : 0;
    hello_agains += std::holds_alternative<wire::HelloAgain>(*message) ? 1 : 0;
  }

  void on_verb(const wire::Verb& verb) {
    verbs.push_back(verb);
    if (!answers) return;
    switch (verb.verb) {
      case wire::VerbName::pause:
        return answer(verb.request_id, "paused");
      case wire::VerbName::stop:
        return answer(verb.request_id, "stopping");
      default:
        return answer(verb.request_id, "running");
    }
  }

  std::unique_ptr<ClientChannel> channel_;
  std::string ex_id_;
  std::uint64_t epoch_;
  ProcessIdentity process_;
};

}  // namespace slicemill
