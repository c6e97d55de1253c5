// The controller's line to the master: reports status as a level, takes verbs and queries, and goes on alone while the
// master is away. Loop thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "core/model/launch.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/wire/channel.h"
#include "core/wire/messages.h"

namespace slicemill::controller {

struct StatusReport {
  std::string status;
  std::string reason;
  std::string stats;  // JSON
  std::uint64_t workers = 0;  // the levels that it keeps to, see wire::Wanted
  std::string log_level;
};

class MasterLink {
 public:
  struct Hooks {
    std::function<void(const wire::Verb&)> on_verb;
    std::function<void(const wire::Query&)> on_query;
    std::function<void(std::int64_t pid, const std::string& cause)> on_worker_exit;
    std::function<void(const wire::Wanted&)> on_wanted;
    std::function<void()> on_ledger_noted;
    std::function<StatusReport()> report;  // the present level
  };

  MasterLink(Loop& loop, ClientChannel& channel, std::string ex_id, std::uint64_t epoch, ProcessIdentity process,
             ExecutionSettings settings, Hooks hooks);

  // Says hello and begins to report every beat.
  void start();
  // Before start(): tells that there is a ledger, until the master says that it knows.
  void tell_ledger() { tells_ledger_ = true; }
  // Reports now (several calls in one turn are one report).
  void report_soon();
  void answer(wire::Answer answer);
  void worker_lost(const ProcessIdentity& process, const std::string& reason);
  // The outcome is synced: tells it until the master has it, at most for kPatienceMs (it is in the ledger anyway). Then
  // done().
  void finish(StatusReport outcome, std::function<void()> done);
  static constexpr std::int64_t kPatienceMs = 10'000;

 private:
  void on_frame(std::string_view frame);
  void hello();
  void report();
  void beat();
  void tell_outcome();
  void end();
  // In order, and kept while the channel takes nothing: whoever asked waits for it.
  void send_surely(const wire::Message& message);
  void send_kept();

  Loop& loop_;
  ClientChannel& channel_;
  std::string ex_id_;
  std::uint64_t epoch_;
  ProcessIdentity process_;
  ExecutionSettings settings_;
  Hooks hooks_;
  std::deque<std::string> kept_;  // frames
  bool scheduled_ = false;
  bool tells_ledger_ = false;
  std::unique_ptr<StatusReport> outcome_;
  SteadyTime outcome_since_;
  std::function<void()> done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
