// What comes back from workers, and from those that died.
#include "execution-controller/dispatch/slice_returns.h"

#include <csignal>

#include "core/runtime/in_flight_marker.h"
#include "tests/execution-controller/dispatch_harness.h"

namespace slicemill::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SliceReturnsTest : public DispatchTest {
 protected:
  void SetUp() override { assigner_.set_open(true); }
  // Orders all that waits from one worker, which is fast enough for it.
  Worker& give_all(ServerChannel::Peer peer, const std::string& id) {
    Worker& worker = join(peer, id);
    worker.slice_us = 100;
    assigner_.assign();
    (void)orders(peer);
    return worker;
  }
  static wire::SliceResult result(std::uint64_t order, const Attempt& attempt, std::uint64_t count = 1) {
    wire::SliceResult result{.key = key(order), .attempt = attempt, .outcome = wire::Outcome::completed};
    result.count = count;
    result.busy_us = 100 * count;
    return result;
  }

  std::vector<std::uint64_t> results_, spans_, crashed_;
  int refused_ = 0, told_ = 0;
  SliceReturns returns_{
      loop_, leases_, assigner_, nullptr,
      SliceReturns::Hooks{
          .on_result = [this](ActiveSlice slice, const wire::SliceResult&) { results_.push_back(slice.key.order); },
          .on_span_completed = [this](const SliceSpan& span,
                                      const wire::SliceResult&) { spans_.push_back(span.size()); },
          .on_crash = [this](ActiveSlice slice, const std::string&) { crashed_.push_back(slice.key.order); },
          .on_told = [this] { ++told_; },
          .on_refused = [this] { ++refused_; }}};
  const Attempt first_{kEpoch, 1};
};

TEST_F(SliceReturnsTest, I3_OnlyTheHolderAndItsAttemptCountAndOnce) {
  create(2);
  Worker& holder = give_all(1, "a");
  Worker& other = join(2, "b");
  returns_.take(other, result(1, first_));
  returns_.take(holder, result(1, {kEpoch, 2}));
  returns_.take(holder, result(1, {kEpoch - 1, 1}));
  EXPECT_THAT(results_, IsEmpty());
  returns_.take(holder, result(1, first_));
  returns_.take(holder, result(1, first_));
  EXPECT_THAT(results_, ElementsAre(1));
  EXPECT_EQ(refused_, 4);
  EXPECT_EQ(holder.outstanding, 1u);
}

TEST_F(SliceReturnsTest, ASpanComesBackAsOne) {
  create(4);
  Worker& worker = give_all(1, "a");
  returns_.take(worker, result(1, first_, 4));
  EXPECT_THAT(spans_, ElementsAre(4));
  EXPECT_EQ(worker.outstanding, 0u);
  EXPECT_EQ(leases_.size(), 0u);
}

// Its sums are of all of them.
TEST_F(SliceReturnsTest, ASpanThatLostASliceCountsForNoneAndTheOthersRunAgain) {
  create(4);
  Worker& worker = give_all(1, "a");
  returns_.take_back(worker, {{key(2), first_}});
  ASSERT_EQ(queue_.size(), 1u);
  returns_.take(worker, result(1, first_, 4));
  EXPECT_THAT(spans_, IsEmpty());
  EXPECT_EQ(refused_, 1);
  EXPECT_EQ(queue_.size(), 4u);
  EXPECT_EQ(leases_.size(), 0u);
  EXPECT_EQ(worker.outstanding, 0u);
}

TEST_F(SliceReturnsTest, ResultsMeasureTheirWorker) {
  create(3);
  Worker& worker = join(1, "a");
  assigner_.assign();
  returns_.take(worker, result(1, first_));
  EXPECT_DOUBLE_EQ(worker.slice_us, 100) << "the first one is the average";
  auto slow = result(2, first_);
  slow.busy_us = 200;
  returns_.take(worker, slow);
  EXPECT_DOUBLE_EQ(worker.slice_us, 110);
}

TEST_F(SliceReturnsTest, WhatAWorkerDoesNotHoldWaitsAgain) {
  create(3);
  Worker& worker = give_all(1, "a");
  returns_.keep_only(worker, {{key(2), first_}});
  EXPECT_EQ(worker.outstanding, 1u);
  EXPECT_EQ(queue_.size(), 2u);
  EXPECT_TRUE(returns_.holds(worker, key(2), first_));
}

class DeathTest : public SliceReturnsTest {
 protected:
  // A worker that holds three slices; its marker says that it had begun the second one.
  Worker& begun_second() {
    create(3);
    Worker& worker = give_all(1, "a");
    std::string name = testing::TempDir() + "/marker_XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    worker.marker_path = directory_ + "/marker";
    auto marker = create_in_flight_marker(worker.marker_path, worker.process);
    EXPECT_TRUE(marker);
    (*marker)->begin({.generation = 0, .slicer = 0, .order = 2, .path = 1, .epoch = kEpoch, .n = 1});
    return worker;
  }
  void TearDown() override { EXPECT_TRUE(posix_files().remove_tree(directory_)); }
  std::string directory_;
};

TEST_F(DeathTest, TheSliceThatHadBegunPaysAndTheOthersWaitAgain) {
  Worker& worker = begun_second();
  const auto ended = returns_.bury(worker, {.known = true, .code = 0, .signal = SIGSEGV});
  EXPECT_EQ(ended.size(), 3u);
  EXPECT_THAT(crashed_, ElementsAre(2));
  EXPECT_EQ(queue_.size(), 2u);
  EXPECT_EQ(leases_.size(), 0u);
}

TEST_F(DeathTest, WithoutACauseTheSliceWaitsForIt) {
  Worker& worker = begun_second();
  (void)returns_.bury(worker, {});
  EXPECT_EQ(returns_.waiting(), 1u);
  EXPECT_THAT(crashed_, IsEmpty());
  returns_.on_exit_cause(worker.process.pid, "SIGKILL");
  EXPECT_EQ(returns_.waiting(), 0u);
  EXPECT_THAT(crashed_, ElementsAre(2));
  EXPECT_EQ(told_, 1);
}

TEST_F(DeathTest, OneThatWasAskedToLeaveChargesNothing) {
  Worker& worker = begun_second();
  worker.leaving = true;
  (void)returns_.bury(worker, {.known = true, .code = 0, .signal = SIGKILL});
  EXPECT_THAT(crashed_, IsEmpty());
  EXPECT_EQ(queue_.size(), 3u);
}

TEST_F(DeathTest, AtTheDeadlineEverySliceIsTheCallers) {
  Worker& worker = begun_second();
  (void)returns_.bury(worker, {});
  EXPECT_EQ(returns_.take_all().size(), 1u) << "the one that waits for a cause";
  EXPECT_EQ(returns_.waiting(), 0u);
}

}  // namespace
}  // namespace slicemill::controller
