#include "execution-controller/dispatch/worker_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/execution-controller/controller_harness.h"

namespace slicemill::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Keeps what is sent to whom.
class NotedChannel final : public ServerChannel {
 public:
  Result<void> listen() override { return {}; }
  void on_frame(std::function<void(Peer, std::string_view)>) override {}
  Sent send(Peer peer, std::string frame) override {
    if (answer == Sent::ok) sent[peer].push_back(*wire::decode(frame));
    return answer;
  }
  void drop(Peer peer) override { dropped.push_back(peer); }
  std::string endpoint() const override { return ""; }

  template <typename Message>
  std::size_t count(Peer peer) {
    return static_cast<std::size_t>(std::count_if(sent[peer].begin(), sent[peer].end(), [](const auto& message) {
      return std::holds_alternative<Message>(message);
    }));
  }

  std::map<Peer, std::vector<wire::Message>> sent;
  std::vector<Peer> dropped;
  Sent answer = Sent::ok;
};

class WorkerTableTest : public testing::Test {
 protected:
  Worker& join(ServerChannel::Peer peer, const std::string& id, pid_t pid = 100) {
    Worker& worker = table_.welcome_back_or_new(peer, wire::Hello{.worker_id = id, .process = {"boot", pid, 1}});
    worker.heard = loop_.now();
    table_.greet(worker);
    return worker;
  }
  // A worker that shows a pulse, as processes of this machine do.
  Worker& join_with_pulse(ServerChannel::Peer peer, const std::string& id) {
    Worker& worker = join(peer, id);
    pulse_ = std::move(*Pulse::create());
    pulse_->beat(loop_.now());
    table_.on_pulse(worker, wire::Pulse{pulse_->path()});
    EXPECT_EQ(channel_.count<wire::PulseTaken>(peer), 1u);
    return worker;
  }

  ManualLoop loop_;
  NotedChannel channel_;
  FakeMonitor monitor_;
  std::vector<std::string> silent_, exited_;
  std::vector<std::function<void()>> syncs_;
  std::unique_ptr<Pulse> pulse_;
  WorkerTable table_{loop_,
                     channel_,
                     &monitor_,
                     {.epoch = 3, .controller = {"boot", 1, 1}, .settings = {}, .looks_at_pulses = true},
                     {.on_exit = [this](const Worker& worker, const ProcessExit&) { exited_.push_back(worker.id); },
                      .on_silent = [this](const Worker& worker) { silent_.push_back(worker.id); },
                      .on_change = [] {},
                      .after_sync = [this](std::function<void()> then) { syncs_.push_back(std::move(then)); },
                      .on_lost = [](const ProcessIdentity&, const std::string&) {},
                      .revoked = [](WorkerNumber) { return std::vector<wire::HeldSlice>(); }}};
};

TEST_F(WorkerTableTest, AWorkerThatComesBackIsTheSameOnANewConnection) {
  const WorkerNumber first = join(1, "a").number;
  EXPECT_EQ(join(2, "a").number, first);
  EXPECT_THAT(channel_.dropped, ElementsAre(1));
  EXPECT_EQ(table_.by_peer(1), nullptr);
  EXPECT_EQ(table_.by_peer(2)->number, first);
  EXPECT_EQ(table_.counts().joined, 1u);
  EXPECT_EQ(table_.counts().reconnected, 1u);
}

TEST_F(WorkerTableTest, OneThatIsGoneIsTakenOutBeforeItsSlicesAreLookedAt) {
  join(1, "a", 77);
  monitor_.watched.at(77)({.known = true, .code = 1, .signal = 0});
  EXPECT_THAT(exited_, ElementsAre("a"));
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_EQ(table_.counts().disconnected, 1u);
}

TEST_F(WorkerTableTest, SilenceForALeaseIsTheEndOfAWorkerThatHoldsSlices) {
  table_.ordered(join_with_pulse(1, "a"), 1);
  loop_.advance(4'900ms);
  EXPECT_THAT(silent_, IsEmpty());
  loop_.advance(5s);
  EXPECT_THAT(silent_, ElementsAre("a"));
  EXPECT_THAT(monitor_.killed, ElementsAre(100));
}

TEST_F(WorkerTableTest, OneThatRestsHasTwiceTheLease) {
  join_with_pulse(1, "a");
  loop_.advance(9'900ms);
  EXPECT_THAT(silent_, IsEmpty());
  loop_.advance(5s);
  EXPECT_THAT(silent_, ElementsAre("a"));
}

TEST_F(WorkerTableTest, TheLeaseOfOneThatRestedBeginsWithItsSlices) {
  Worker& worker = join_with_pulse(1, "a");
  loop_.advance(9s);
  table_.ordered(worker, 1);
  loop_.advance(4'900ms);
  EXPECT_THAT(silent_, IsEmpty()) << "it may have said nothing for 14 s";
  loop_.advance(6s);
  EXPECT_THAT(silent_, ElementsAre("a"));
}

TEST_F(WorkerTableTest, SignsOfLifeInThePulseCount) {
  join_with_pulse(1, "a");
  for (int i = 0; i < 10; ++i) {
    pulse_->beat(loop_.now());
    loop_.advance(4s);
  }
  EXPECT_THAT(silent_, IsEmpty());
}

TEST_F(WorkerTableTest, TheWantedNumberHoldsForThoseWhoComeLater) {
  join(1, "a").outstanding = 1;
  join(2, "b");
  table_.set_wanted(1);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 0u) << "the idle one goes";
  EXPECT_EQ(channel_.count<wire::Leave>(2), 1u);
  join(3, "c");
  EXPECT_EQ(channel_.count<wire::Leave>(3), 1u);
}

TEST_F(WorkerTableTest, AnAcknowledgementIsSentWhenItsBatchIsDurable) {
  Worker& worker = join(1, "a");
  table_.acknowledge(worker, 5);
  EXPECT_EQ(channel_.count<wire::Acked>(1), 0u);
  syncs_.at(0)();
  EXPECT_EQ(channel_.count<wire::Acked>(1), 1u);
  EXPECT_EQ(worker.acked, 5u);
}

TEST_F(WorkerTableTest, WhatDidNotFitIsToldAgain) {
  Worker& worker = join(1, "a");
  channel_.answer = ServerChannel::Sent::would_block;
  table_.dismiss(worker);
  channel_.answer = ServerChannel::Sent::ok;
  EXPECT_EQ(channel_.count<wire::Leave>(1), 0u);
  table_.tell_missed(worker);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 1u);
  table_.tell_missed(worker);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 1u) << "once";
}

}  // namespace
}  // namespace slicemill::controller
