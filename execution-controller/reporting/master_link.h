// The controller's line to the master: reports status as a level, takes verbs and queries, and goes on alone while the
// master is away. Loop thread.
//
// A report is a lease too. While nothing changes, a master that looks at our pulse (core/runtime/pulse.h) gets few of
// them; until its process is seen gone, then it is told everything again.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "core/model/launch.h"
#include "core/model/stats.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/runtime/pulse.h"
#include "core/wire/channel.h"
#include "core/wire/messages.h"

namespace slicemill::controller {

struct StatusReport {
  std::string status;
  std::string reason;
  std::optional<Stats> stats{};  // nothing: nothing is known yet
  std::uint64_t workers = 0;     // the levels that it keeps to, see wire::Wanted
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
    std::function<StatusReport()> report;                          // the present level
    std::function<void(const std::string&)> on_workers_wait = {};  // why none can be started; "": they can again
    std::function<bool()> same_report = {};  // surely the last one would be given again: it need not be made
  };

  // monitor: of a process of its own, which may have a pulse; nullptr: none, every beat is a message.
  MasterLink(Loop& loop, ClientChannel& channel, std::string ex_id, std::uint64_t epoch, ProcessIdentity process,
             ExecutionSettings settings, Hooks hooks, ProcessMonitor* monitor = nullptr);

  // Says hello and begins to report every heartbeat.
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
  void heartbeat();
  void heartbeat_after(std::int64_t ms);
  void show_pulse(const ProcessIdentity& master);
  void master_gone();
  void tell_outcome();
  void end();
  // In order, and kept while the channel takes nothing: whoever asked waits for it.
  void send_surely(const wire::Message& message);
  void send_kept();

  // 22 members, since reports, the pulse in their place, the outcome and answers share one line and one beat.
  Loop& loop_;
  ClientChannel& channel_;
  std::string ex_id_;
  std::uint64_t epoch_;
  ProcessIdentity process_;
  ExecutionSettings settings_;
  Hooks hooks_;
  std::deque<std::string> kept_;  // frames
  ProcessMonitor* monitor_;
  std::unique_ptr<ProcessWatch> master_watch_;
  std::unique_ptr<Pulse> pulse_;
  std::int64_t pulse_ms_ = 0;          // the master looks at the pulse, which is to be so frequent; 0: it does not
  int heartbeats_without_report_ = 0;  // in a row
  bool resting_ = false;               // the beat is the pulse's
  std::string reported_;               // the frame
  Loop::TimerId heartbeat_timer_ = 0;
  bool scheduled_ = false;
  bool tells_ledger_ = false;
  bool has_news_ = false;  // whoever asked for a report knows of something
  std::unique_ptr<StatusReport> outcome_;
  SteadyTime outcome_since_;
  std::function<void()> done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
