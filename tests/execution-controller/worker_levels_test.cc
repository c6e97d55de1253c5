#include "execution-controller/dispatch/worker_levels.h"

#include "tests/execution-controller/dispatch_harness.h"

namespace slicemill::controller {
namespace {

class WorkerLevelsTest : public DispatchTest {};

TEST_F(WorkerLevelsTest, TheWantedNumberHoldsForThoseWhoComeLater) {
  join(1, "a").outstanding = 1;
  join(2, "b");
  levels_.set_wanted(1);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 0u) << "the idle one goes";
  EXPECT_EQ(channel_.count<wire::Leave>(2), 1u);
  join(3, "c");
  EXPECT_EQ(channel_.count<wire::Leave>(3), 1u);
}

TEST_F(WorkerLevelsTest, AnAcknowledgementIsSentWhenItsBatchIsDurable) {
  Worker& worker = join(1, "a");
  levels_.acknowledge(worker, 5);
  EXPECT_EQ(channel_.count<wire::Acked>(1), 0u);
  syncs_.at(0)();
  EXPECT_EQ(channel_.count<wire::Acked>(1), 1u);
  EXPECT_EQ(worker.acked, 5u);
}

TEST_F(WorkerLevelsTest, WhatDidNotFitIsToldAgain) {
  Worker& worker = join(1, "a");
  channel_.answer = ServerChannel::Sent::would_block;
  levels_.dismiss(worker);
  channel_.answer = ServerChannel::Sent::ok;
  EXPECT_EQ(channel_.count<wire::Leave>(1), 0u);
  levels_.tell_missed(worker);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 1u);
  levels_.tell_missed(worker);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 1u) << "once";
}

TEST_F(WorkerLevelsTest, AHeartbeatThatDoesNotKnowALevelIsToldItAgain) {
  Worker& worker = join(1, "a");
  worker.acked = 7;
  levels_.dismiss(worker);
  levels_.set_log_level("debug");
  const wire::Heartbeat knows{.epoch = kEpoch, .acked = 7, .leaving = true, .log_level = "debug"};
  levels_.on_heartbeat(worker, knows);
  EXPECT_EQ(channel_.count<wire::Acked>(1), 0u);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 1u) << "the first time";
  EXPECT_EQ(channel_.count<wire::SetLogLevel>(1), 1u);
  wire::Heartbeat knows_nothing{.epoch = kEpoch, .acked = 6, .leaving = false, .log_level = "info"};
  levels_.on_heartbeat(worker, knows_nothing);
  EXPECT_EQ(channel_.count<wire::Acked>(1), 1u);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 2u);
  EXPECT_EQ(channel_.count<wire::SetLogLevel>(1), 2u);
  knows_nothing.epoch = kEpoch - 1;  // its Hello is on the way
  levels_.on_heartbeat(worker, knows_nothing);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 2u);
}

TEST_F(WorkerLevelsTest, OneThatHoldsLessThanItWasGivenIsAskedWhatItHoldsOnceTheOrderHadTime) {
  Worker& worker = join(1, "a");
  table_.ordered(worker, 3);
  const wire::Heartbeat holds_two{.epoch = kEpoch, .held = 2, .log_level = "info"};
  levels_.on_heartbeat(worker, holds_two);
  EXPECT_EQ(channel_.count<wire::HelloAgain>(1), 0u) << "the order may be under way";
  loop_.advance(2s);
  levels_.on_heartbeat(worker, holds_two);
  EXPECT_EQ(channel_.count<wire::HelloAgain>(1), 1u);
}

TEST_F(WorkerLevelsTest, OneThatLeavesByItselfGetsNothingMore) {
  Worker& worker = join(1, "a");
  EXPECT_GT(assigner_.credit(worker), 0U);
  levels_.on_heartbeat(worker, {.epoch = kEpoch, .leaving = true, .log_level = "info"});
  EXPECT_EQ(assigner_.credit(worker), 0U);
  EXPECT_EQ(channel_.count<wire::Leave>(1), 0U) << "it knows";
}

TEST_F(WorkerLevelsTest, AllMayBeDismissedAndWhoComesLaterToo) {
  join(1, "a");
  levels_.dismiss_all();
  EXPECT_EQ(channel_.count<wire::Leave>(1), 1u);
  join(2, "b");
  EXPECT_EQ(channel_.count<wire::Leave>(2), 1u);
}

}  // namespace
}  // namespace slicemill::controller
