// What a worker is told until it obeys: whatever it missed, its heartbeats say so, and it hears that again.
#include "tests/execution-controller/controller_harness.h"

namespace slicemill::controller {
namespace {

class LevelsTest : public ControllerTest {
 protected:
  // A worker with the first two slices.
  void begin(PlayedWorker& worker) {
    worker.hello();
    ASSERT_TRUE(until([&] { return worker.slices.size() == 2; }));
  }
  // Longer than an order or its answer may be under way.
  void pass_heartbeats(PlayedWorker& worker, const wire::Heartbeat& beat) {
    for (int i = 0; i < 4; ++i) {
      worker.say(beat);
      loop_.advance(1s);
    }
  }
};

TEST_F(LevelsTest, AHeartbeatOfOneThatKnowsAllCausesNothing) {
  open();
  PlayedWorker a(*hub_, "a");
  begin(a);
  a.finish(a.slices[0]);
  ASSERT_TRUE(until([&] { return a.acked == 1 && a.slices.size() > 2; }));
  pass_heartbeats(a, a.beat(a.slices.size() - 1));
  EXPECT_EQ(a.acks, 1u);
  EXPECT_EQ(a.leaves + a.recalls + a.asked_again + a.log_levels.size(), 0u);
}

TEST_F(LevelsTest, TheLastAcknowledgementIsToldAgain) {
  open();
  PlayedWorker a(*hub_, "a");
  begin(a);
  a.finish(a.slices[0]);
  ASSERT_TRUE(until([&] { return a.acks == 1; }));
  wire::Heartbeat missed = a.beat(2);
  missed.acked = 0;
  a.say(missed);
  loop_.run_ready();
  EXPECT_EQ(a.acks, 2u);
  EXPECT_EQ(a.acked, 1u);
}

TEST_F(LevelsTest, LeavingIsToldAgain) {
  open();
  PlayedWorker a(*hub_, "a");
  begin(a);
  controller_->stop(60'000, [](const Result<ExecutionStatus>&) {});
  ASSERT_TRUE(until([&] { return a.leaves == 1; }));
  wire::Heartbeat missed = a.beat(2);
  missed.leaving = false;
  a.say(missed);
  loop_.run_ready();
  EXPECT_EQ(a.leaves, 2u);
  a.say(a.beat(2));
  loop_.run_ready();
  EXPECT_EQ(a.leaves, 2u) << "it knows";
}

TEST_F(LevelsTest, ARecallIsToldAgainUntilItIsAnswered) {
  open();
  PlayedWorker a(*hub_, "a");
  begin(a);
  controller_->pause([](const Result<ExecutionStatus>&) {});
  ASSERT_TRUE(until([&] { return a.recalls == 1; }));
  a.say(a.beat(2));
  loop_.run_ready();
  EXPECT_EQ(a.recalls, 1u) << "its answer may be under way";
  pass_heartbeats(a, a.beat(2));
  EXPECT_GT(a.recalls, 1u);
  a.say(wire::Recalled{a.epoch, {{a.slices[1].key, a.slices[1].attempt}}});
  loop_.run_ready();
  const auto told = a.recalls;
  pass_heartbeats(a, a.beat(1));
  EXPECT_EQ(a.recalls, told);
}

// It runs one slice and syncs the output of another: nothing of it waits.
TEST_F(LevelsTest, AWorkerWithNothingToGiveBackIsNotAskedAgainAtOnce) {
  set_end(30);
  open();
  PlayedWorker a(*hub_, "a"), b(*hub_, "b");
  begin(a);
  auto slow = a.result_of(a.slices[0]);
  slow.busy_us = 1'000'000;
  a.say(wire::Results{a.epoch, 1, {slow}});
  ASSERT_TRUE(until([&] { return a.slices.size() == 3; }));
  b.hello();
  ASSERT_TRUE(until([&] { return a.recalls == 1; })) << "b idles, and a has two";
  for (int i = 0; i < 20; ++i) {
    a.say(wire::Recalled{a.epoch, {}});
    loop_.run_ready();
  }
  EXPECT_EQ(a.recalls, 1u);
}

TEST_F(LevelsTest, OrdersThatDidNotArriveAreFoundByTheNextHello) {
  open();
  PlayedWorker a(*hub_, "a"), b(*hub_, "b");
  begin(a);
  a.say(a.beat(0));
  loop_.run_ready();
  EXPECT_EQ(a.asked_again, 0u) << "they may be under way";
  pass_heartbeats(a, a.beat(0));
  EXPECT_GT(a.asked_again, 0u);
  a.slices.clear();
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; })) << "they are given anew";
  EXPECT_EQ(a.slices[0].attempt.n, 2u);
}

TEST_F(LevelsTest, ResultsThatDidNotArriveAreAskedFor) {
  open();
  PlayedWorker a(*hub_, "a");
  begin(a);
  wire::Heartbeat told = a.beat(2);
  told.sent = 1;
  pass_heartbeats(a, told);
  EXPECT_GT(a.asked_again, 0u);
}

// Whoever comes when: also who was started before, and connects after.
TEST_F(LevelsTest, WantedWorkersAreALevel) {
  MemoryHub masters(loop_);
  const auto master = masters.server();
  const auto link = masters.client();
  std::optional<ServerChannel::Peer> controller;
  std::vector<wire::Status> reports;
  master->on_frame([&](ServerChannel::Peer peer, std::string_view frame) {
    controller = peer;
    auto message = *wire::decode(frame);
    if (auto* status = std::get_if<wire::Status>(&message)) reports.push_back(*status);
  });
  master_ = link.get();
  open();
  PlayedWorker a(*hub_, "a"), b(*hub_, "b"), c(*hub_, "c");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2 && controller.has_value(); }));
  master->send(*controller, wire::encode(wire::Wanted{1, "trace"}));
  ASSERT_TRUE(until([&] { return !reports.empty() && reports.back().workers == 1; }));
  EXPECT_EQ(reports.back().log_level, "trace");
  EXPECT_EQ(a.log_levels, std::vector<std::string>{"trace"});
  EXPECT_EQ(a.leaves, 0u);
  b.hello();
  c.hello();
  ASSERT_TRUE(until([&] { return b.leaves + c.leaves == 2; }));
  EXPECT_EQ(b.welcome->log_level, "trace");
  EXPECT_EQ(a.leaves, 0u);
  master->send(*controller, wire::encode(wire::Wanted{2, "trace"}));
  PlayedWorker d(*hub_, "d");
  d.hello();
  ASSERT_TRUE(until([&] { return d.welcome.has_value(); }));
  loop_.advance(1s);
  EXPECT_EQ(d.leaves, 0u);
  controller_.reset();
}

// Nothing that can be sent: what is said next from the other side is the moment to tell it.
class BlockedChannel final : public ServerChannel {
 public:
  explicit BlockedChannel(ServerChannel& real) : real_(real) {}
  Result<void> listen() override { return real_.listen(); }
  void on_frame(std::function<void(Peer, std::string_view)> handler) override { real_.on_frame(std::move(handler)); }
  Sent send(Peer peer, std::string frame) override {
    return blocked ? Sent::would_block : real_.send(peer, std::move(frame));
  }
  void drop(Peer peer) override { real_.drop(peer); }
  std::string endpoint() const override { return real_.endpoint(); }

  bool blocked = false;

 private:
  ServerChannel& real_;
};

TEST_F(LevelsTest, WhatDidNotFitIsToldAtTheNextFrame) {
  hub_.emplace(loop_);
  server_ = hub_->server();
  BlockedChannel channel(*server_);
  controller_ = *Controller::open({.loop = loop_, .workers = channel, .files = *files_}, launch_);
  controller_->start([this](const ControllerOutcome& outcome) { outcome_ = outcome; });
  PlayedWorker a(*hub_, "a");
  begin(a);
  channel.blocked = true;
  a.finish(a.slices[0]);
  a.finish(a.slices[1]);
  ASSERT_TRUE(until([&] { return processed() == 2; }));
  bool stopping = false;
  controller_->stop(60'000, [&](const Result<ExecutionStatus>&) { stopping = true; });
  ASSERT_TRUE(until([&] { return stopping; }));
  loop_.run_ready();
  EXPECT_EQ(a.acks + a.leaves, 0u);
  channel.blocked = false;
  a.say(wire::Recalled{a.epoch, {}});
  loop_.run_ready();
  EXPECT_EQ(a.acked, 2u);
  EXPECT_EQ(a.leaves, 1u);
  controller_.reset();
}

}  // namespace
}  // namespace slicemill::controller
