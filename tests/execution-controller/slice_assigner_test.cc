// What goes to whom: credit, shares, and what waits on.
#include "execution-controller/dispatch/slice_assigner.h"

#include "execution-controller/dispatch/credit.h"
#include "tests/execution-controller/dispatch_harness.h"

namespace slicemill::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class SliceAssignerTest : public DispatchTest {
 protected:
  ActiveSlice charged(std::uint64_t order) {
    ActiveSlice slice;
    slice.key = key(order);
    slice.crashes = 1;
    slice.own_request = "{}";
    return slice;
  }
};

TEST_F(SliceAssignerTest, NothingGoesOutBeforeItIsOpenOrOnceItIsClosed) {
  create(4);
  join(1, "a");
  assigner_.assign();
  EXPECT_THAT(orders(1), IsEmpty());
  assigner_.set_open(true);
  assigner_.assign();
  EXPECT_THAT(numbers(orders(1)), ElementsAre(1, 2)) << "one running, one waiting, until a slice time is known";
  assigner_.set_open(false);
  table_.by_peer(1)->outstanding = 0;
  assigner_.assign();
  EXPECT_THAT(orders(1), IsEmpty());
}

TEST_F(SliceAssignerTest, FewSlicesGoToThoseWhoHaveNone) {
  join(1, "a").outstanding = 1;
  join(2, "b");
  create(1);
  assigner_.set_open(true);
  assigner_.assign();
  EXPECT_THAT(orders(1), IsEmpty()) << "it would be recalled for the idle one at once";
  EXPECT_THAT(numbers(orders(2)), ElementsAre(1));
}

// What waits behind the running slice is worth 20 ms at most, however long slices take.
TEST_F(SliceAssignerTest, CreditIsWorkAndNotSlices) {
  Worker& worker = join(1, "a");
  for (const double us : {10.0, 100.0, 1'000.0, 5'000.0, 20'000.0, 3'600e6}) {
    worker.slice_us = us;
    const std::uint64_t credit = assigner_.credit(worker);
    const double waiting_us = static_cast<double>(credit - 1) * us;
    EXPECT_TRUE(waiting_us <= kWaitingWorkUs || credit == 2) << us << " us: " << credit;
    EXPECT_GE(credit, 2u);
    EXPECT_LE(credit, kMostWaiting + 1);
    worker.outstanding = credit - 1;
    EXPECT_EQ(assigner_.credit(worker), 1u);
    worker.outstanding = credit + 5;
    EXPECT_EQ(assigner_.credit(worker), 0u) << "more than it may have";
    worker.outstanding = 0;
  }
}

TEST_F(SliceAssignerTest, OneThatLeavesIsFullAloneSlowOrAwayHasNoCredit) {
  Worker& worker = join(1, "a");
  for (bool Worker::*flag : {&Worker::leaving, &Worker::blocked, &Worker::alone, &Worker::slow}) {
    worker.*flag = true;
    EXPECT_EQ(assigner_.credit(worker), 0u);
    worker.*flag = false;
    EXPECT_EQ(assigner_.credit(worker), 2u);
  }
  worker.peer = 0;
  EXPECT_EQ(assigner_.credit(worker), 0u);
}

TEST_F(SliceAssignerTest, FewSlicesAreSpreadOverAllWorkers) {
  create(6);
  for (const ServerChannel::Peer peer : {1, 2, 3}) join(peer, "w" + std::to_string(peer)).slice_us = 100;
  assigner_.set_open(true);
  assigner_.assign();
  for (const ServerChannel::Peer peer : {1, 2, 3}) EXPECT_THAT(orders(peer), SizeIs(2)) << peer;
  EXPECT_EQ(leases_.size(), 6u);
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(SliceAssignerTest, WhatCouldNotBeSentIsTheNextAgain) {
  create(3);
  Worker& worker = join(1, "a");
  assigner_.set_open(true);
  channel_.answer = ServerChannel::Sent::would_block;
  assigner_.assign();
  EXPECT_TRUE(worker.blocked);
  EXPECT_EQ(worker.outstanding, 0u);
  EXPECT_EQ(leases_.size(), 0u);
  EXPECT_EQ(queue_.size(), 3u);
  channel_.answer = ServerChannel::Sent::ok;
  worker.blocked = false;
  assigner_.assign();
  EXPECT_THAT(numbers(orders(1)), ElementsAre(1, 2));
}

TEST_F(SliceAssignerTest, WhileTooManySettledSlicesWaitForTheDiskNothingGoesOut) {
  create(2);
  join(1, "a");
  assigner_.set_open(true);
  unsynced_ = SliceAssigner::kUnsyncedBound;
  assigner_.assign();
  EXPECT_THAT(orders(1), IsEmpty());
  unsynced_ = SliceAssigner::kUnsyncedBound - 1;
  assigner_.assign();
  EXPECT_THAT(orders(1), SizeIs(2));
}

TEST_F(SliceAssignerTest, ASliceThatKilledAWorkerRunsAloneOnOneThatHasNothing) {
  create(2);
  assigner_.requeue(charged(9));
  EXPECT_EQ(assigner_.isolated(), 1u);
  Worker& busy = join(1, "a");
  table_.ordered(busy, 1);
  assigner_.set_open(true);
  assigner_.assign();
  EXPECT_THAT(numbers(orders(1)), ElementsAre(1)) << "nobody is idle";
  Worker& idle = join(2, "b");
  assigner_.assign();
  const auto alone = orders(2);
  ASSERT_THAT(numbers(alone), ElementsAre(9));
  EXPECT_EQ(alone[0].attempt, (Attempt{kEpoch, 1}));
  EXPECT_TRUE(idle.alone);
  EXPECT_EQ(assigner_.credit(idle), 0u);
  assigner_.assign();
  EXPECT_THAT(orders(2), IsEmpty());
}

TEST_F(SliceAssignerTest, AnIsolatedSliceThatCouldNotBeSentIsStillIsolated) {
  assigner_.push_isolated(charged(9));
  join(1, "a");
  assigner_.set_open(true);
  channel_.answer = ServerChannel::Sent::would_block;
  assigner_.assign();
  EXPECT_EQ(assigner_.isolated(), 1u);
  EXPECT_FALSE(table_.by_peer(1)->alone);
}

TEST_F(SliceAssignerTest, WhenSomebodyIdlesHalfOfWhatWaitsAtTheBusiestComesBack) {
  Worker& busy = join(1, "a");
  Worker& idle = join(2, "b");
  busy.slice_us = 1'000;
  table_.ordered(busy, 9);
  assigner_.set_open(true);
  assigner_.assign();
  ASSERT_TRUE(busy.recall);
  EXPECT_EQ(*busy.recall, 4u) << "of eight that wait";
  EXPECT_FALSE(idle.recall);
}

TEST_F(SliceAssignerTest, WorkThatIsNotWorthARecallStays) {
  Worker& busy = join(1, "a");
  join(2, "b");
  busy.slice_us = 100;
  table_.ordered(busy, 9);
  assigner_.set_open(true);
  assigner_.assign();
  EXPECT_FALSE(busy.recall) << "0.8 ms in all";
  busy.slice_us = 1'000;
  busy.none_waits = true;
  assigner_.assign();
  EXPECT_FALSE(busy.recall) << "it had nothing to give back";
}

TEST_F(SliceAssignerTest, WhatWaitsBehindASliceThatTakesLongComesBackAfterAWhile) {
  Worker& busy = join(1, "a");
  join(2, "b");
  table_.ordered(busy, 2);  // how long its slices take is not known yet
  assigner_.set_open(true);
  assigner_.assign();
  EXPECT_FALSE(busy.recall);
  EXPECT_TRUE(assigner_.leaves_waiting());
  assigner_.end_patience();
  EXPECT_EQ(busy.recall, 0u);
  EXPECT_FALSE(assigner_.leaves_waiting());
}

TEST_F(SliceAssignerTest, AllThatHaveSomethingAreRecalled) {
  table_.ordered(join(1, "a"), 2);
  join(2, "b");
  assigner_.recall_all();
  EXPECT_EQ(table_.by_peer(1)->recall, 0u);
  EXPECT_FALSE(table_.by_peer(2)->recall);
}

TEST_F(SliceAssignerTest, AnEndlessSourceIsAskedForThreeSlicesAWorkerAndMoreOnlyOfSmallOnes) {
  EXPECT_EQ(assigner_.least_ahead(), 3u);
  join(1, "a").slice_us = 1e6;
  join(2, "b").slice_us = 1e6;
  EXPECT_EQ(assigner_.least_ahead(), 6u);
  table_.by_peer(2)->slice_us = 100;
  EXPECT_EQ(assigner_.least_ahead(), 3u + 2 * 201);
  table_.by_peer(2)->leaving = true;
  EXPECT_EQ(assigner_.least_ahead(), 3u);
  EXPECT_GE(assigner_.wanted_ahead(), 1024u);
}

}  // namespace
}  // namespace slicemill::controller
