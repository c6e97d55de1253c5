// A controller with a real ledger on a ManualLoop, and workers that the test plays frame by frame.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/wire/memory_channel.h"
#include "execution-controller/controller.h"
#include "tests/fakes/manual_loop.h"

namespace slicemill::controller {

using namespace std::chrono_literals;

class FakeMonitor final : public ProcessMonitor {
 public:
  std::unique_ptr<ProcessWatch> watch(const ProcessIdentity& process,
                                      std::function<void(ProcessExit)> on_exit) override {
    watched[process.pid] = std::move(on_exit);
    return std::make_unique<ProcessWatch>();
  }
  void kill(const ProcessIdentity& process) override { killed.push_back(process.pid); }
  bool alive(const ProcessIdentity& process) override { return living.contains(process.pid); }

  std::set<pid_t> living;
  std::map<pid_t, std::function<void(ProcessExit)>> watched;
  std::vector<pid_t> killed;
};

// Says what the test tells it to, and keeps what it hears.
class PlayedWorker {
 public:
  PlayedWorker(MemoryHub& hub, std::string id, pid_t pid = 0) : channel_(hub.client()), id_(std::move(id)), pid_(pid) {
    channel_->on_frame([this](std::string_view frame) { hear(*wire::decode(frame)); });
  }
  void hello(std::vector<wire::HeldSlice> held = {}, std::vector<wire::SliceResult> unacked = {},
             std::string marker_path = "") {
    channel_->send(wire::encode(
        wire::Hello{id_, {"boot", pid_, 1}, std::move(marker_path), std::move(held), 1, std::move(unacked)}));
  }
  // A beat of one that knows all that it was told, but for what the test changes.
  wire::Heartbeat beat(std::uint64_t held) const {
    return {.epoch = epoch,
            .running = held > 0,
            .acked = acked,
            .sent = seq_,
            .held = held,
            .leaving = told_to_leave,
            .log_level = log_levels.empty() ? welcome->log_level : log_levels.back()};
  }
  void say(const wire::Message& message) { channel_->send(wire::encode(message)); }
  wire::SliceResult result_of(const wire::SliceOrder& slice, wire::Outcome outcome = wire::Outcome::completed) {
    return {.key = slice.key,
            .attempt = slice.attempt,
            .outcome = outcome,
            .records_in = 1,
            .busy_us = 50,
            .error = outcome == wire::Outcome::completed ? "" : "bad record"};
  }
  void finish(const wire::SliceOrder& slice, wire::Outcome outcome = wire::Outcome::completed) {
    say(wire::Results{epoch, ++seq_, {result_of(slice, outcome)}});
  }
  // Finishes all that comes, for ever.
  void work(wire::Outcome outcome = wire::Outcome::completed) {
    working_ = true;
    outcome_ = outcome;
  }

  std::deque<wire::SliceOrder> slices;  // that wait for the test
  std::vector<SliceKey> worked;         // by work()
  std::vector<wire::HeldSlice> cancelled;
  std::optional<wire::Welcome> welcome;
  std::uint64_t epoch = 0, acked = 0, recalls = 0, acks = 0, leaves = 0, asked_again = 0;
  std::vector<std::string> log_levels;
  bool told_to_leave = false;

 private:
  void hear(const wire::Message& message) {
    if (const auto* m = std::get_if<wire::Welcome>(&message)) {
      welcome = *m;
      epoch = m->epoch;
    } else if (const auto* dispatch = std::get_if<wire::Dispatch>(&message)) {
      wire::Dispatch ordered = *dispatch;
      for (const auto& slice : wire::take_slices(ordered)) {
        if (!working_) {
          slices.push_back(slice);
          continue;
        }
        worked.push_back(slice.key);
        finish(slice, outcome_);
      }
    } else if (const auto* ack = std::get_if<wire::Acked>(&message)) {
      acked = ack->seq;
      ++acks;
    } else if (std::holds_alternative<wire::Recall>(message)) {
      ++recalls;
    } else if (const auto* cancel = std::get_if<wire::Cancel>(&message)) {
      cancelled.insert(cancelled.end(), cancel->slices.begin(), cancel->slices.end());
    } else if (std::holds_alternative<wire::HelloAgain>(message)) {
      ++asked_again;
    } else if (const auto* level = std::get_if<wire::SetLogLevel>(&message)) {
      log_levels.push_back(level->level);
    } else if (std::holds_alternative<wire::Leave>(message)) {
      told_to_leave = true;
      ++leaves;
      if (working_) say(wire::Goodbye{});
    }
  }

  std::unique_ptr<ClientChannel> channel_;
  std::string id_;
  pid_t pid_;
  std::uint64_t seq_ = 0;
  bool working_ = false;
  wire::Outcome outcome_ = wire::Outcome::completed;
};

class ControllerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/controller_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    launch_.ex_id = "11111111-1111-4111-8111-111111111111";
    launch_.ledger_directory = directory_ + "/ledger";
    launch_.job.max_retries = 2;
    launch_.job.plan = {{.name = "id_range", .options = {{"start", 0}, {"end", 40}, {"size", 10}}}, {.name = "noop"}};
  }
  void TearDown() override {
    controller_.reset();
    EXPECT_TRUE(posix_files().remove_tree(directory_));
  }

  void open(bool with_monitor = false) {
    controller_.reset();
    server_.reset();
    hub_.emplace(loop_);
    server_ = hub_->server();
    auto opened = Controller::open({.loop = loop_,
                                    .workers = *server_,
                                    .master = master_,
                                    .monitor = with_monitor ? &monitor_ : nullptr,
                                    .files = *files_,
                                    .self = ProcessIdentity{"boot", 1, 1}},
                                   launch_);
    ASSERT_TRUE(opened) << opened.error().message;
    controller_ = std::move(*opened);
    outcome_.reset();
    controller_->start([this](const ControllerOutcome& outcome) { outcome_ = outcome; });
  }
  Error open_refused() {
    controller_.reset();
    hub_.emplace(loop_);
    server_ = hub_->server();
    const auto opened = Controller::open({.loop = loop_, .workers = *server_, .files = posix_files()}, launch_);
    EXPECT_FALSE(opened);
    return opened ? Error() : opened.error();
  }
  // The only slice fails for good, and with it the execution.
  void fail_only_slice() {
    PlayedWorker a(*hub_, "a");
    a.hello();
    ASSERT_TRUE(until([&] { return a.slices.size() == 1; }));
    a.finish(a.slices[0], wire::Outcome::failed_for_good);
    ASSERT_TRUE(until_ended());
    EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  }
  // An ended execution with one failed slice; launch_ is set to recover it.
  void end_with_one_error() {
    set_end(10);
    open();
    fail_only_slice();
    controller_.reset();
    launch_.source_ledger_directory = launch_.ledger_directory;
    launch_.ledger_directory = directory_ + "/recovered";
    launch_.ex_id = "22222222-2222-4222-8222-222222222222";
    launch_.epoch = 2;
  }
  void set_end(int end) { launch_.job.plan.nodes[0].operation.options["end"] = end; }
  bool until(const std::function<bool()>& predicate) { return loop_.run_until(predicate, 120s); }
  bool until_ended() {
    return until([this] { return outcome_.has_value(); });
  }
  std::uint64_t processed() { return controller_->durable_counters().processed; }
  Stats stats() { return *controller_->report().stats; }

  Files* files_ = &posix_files();
  ClientChannel* master_ = nullptr;  // none: a local run
  std::string directory_;
  ControllerLaunch launch_;
  ManualLoop loop_;
  FakeMonitor monitor_;
  std::optional<MemoryHub> hub_;
  std::unique_ptr<ServerChannel> server_;
  std::unique_ptr<Controller> controller_;
  std::optional<ControllerOutcome> outcome_;
};

}  // namespace slicemill::controller
