// What waits, tries, and goes on.
#include "execution-controller/obstacle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/model/launch.h"
#include "execution-controller/dispatch/crash_cause.h"
#include "tests/execution-controller/controller_harness.h"

namespace slicemill::controller {
namespace {

using testing::HasSubstr;

Error full() {
  return errno_error(ENOSPC, "cannot write", "/out/x");
}

class ObstacleTest : public testing::Test {
 protected:
  ManualLoop loop_;
  Result<void> gone_ = full();
  int probes_ = 0, raised_ = 0, cleared_ = 0;
  Obstacle obstacle_{loop_,
                     {.probe =
                          [this](const Obstacle::Answer& answer) {
                            ++probes_;
                            answer(gone_);
                          },
                      .on_raised = [this] { ++raised_; },
                      .on_cleared = [this] { ++cleared_; }}};
};

TEST_F(ObstacleTest, ItIsTriedWithGrowingWaitsAndNamesItsReason) {
  obstacle_.raise("output", full());
  obstacle_.raise("output", full());
  EXPECT_EQ(raised_, 1);
  EXPECT_EQ(obstacle_.reason(), "obstacle: output: cannot write /out/x: No space left on device");
  EXPECT_EQ(obstacle_.view().value().where, "output");
  loop_.advance(1s);
  EXPECT_GE(probes_, 1);
  loop_.advance(60s);
  EXPECT_LE(probes_, 4 + 60'000 / (Obstacle::kLongestWaitMs / 2));
  EXPECT_GE(probes_, 60'000 / Obstacle::kLongestWaitMs);
  gone_ = {};
  loop_.advance(6s);
  EXPECT_EQ(cleared_, 1);
  EXPECT_FALSE(obstacle_.up());
  EXPECT_EQ(obstacle_.reason(), "");
  EXPECT_FALSE(obstacle_.view());
}

TEST_F(ObstacleTest, OneThatComesBackSoonIsNotTriedOftener) {
  gone_ = {};
  for (int i = 0; i < 8; ++i) {
    obstacle_.raise("output", full());
    loop_.advance(6s);
    ASSERT_FALSE(obstacle_.up());
  }
  const int before = probes_;
  obstacle_.raise("output", full());
  loop_.advance(2s);
  EXPECT_EQ(probes_, before) << "it waits as long as it did";
}

TEST_F(ObstacleTest, WhoAsksIsNotLeftWaiting) {
  int answered = 0;
  obstacle_.retry_now([&] { ++answered; });
  EXPECT_EQ(answered, 1) << "there is none";
  obstacle_.raise("ledger", full());
  obstacle_.retry_now([&] { ++answered; });
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(probes_, 1);
  EXPECT_TRUE(obstacle_.up());
  gone_ = {};
  obstacle_.retry_now([&] { answered += obstacle_.up() ? 0 : 1; });
  EXPECT_EQ(answered, 3);
}

TEST(CrashCause, SaysMemoryAndNamesTheLimit) {
  const std::string exit = ProcessExit{true, kOutOfMemoryExit, 0}.to_text();
  EXPECT_THAT(crash_cause(exit, 1000), HasSubstr("lack of memory (its limit is 1000 bytes"));
  EXPECT_EQ(crash_cause(exit, 0), "lack of memory");
  EXPECT_THAT(crash_cause("signal 9 (Killed)", 0), HasSubstr("maybe for lack of memory"));
  EXPECT_EQ(crash_cause("signal 11 (Segmentation fault)", 1000), "signal 11 (Segmentation fault)");
}

// A sender that publishes nothing: whether the obstacle is gone is what the next slices tell.
TEST_F(ControllerTest, AnObstructedSliceIsChargedNothingAndDispatchClosesUntilItIsGone) {
  launch_.job.max_retries = 0;
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  a.finish(a.slices[0], wire::Outcome::obstructed);
  loop_.run_ready();
  EXPECT_EQ(controller_->status(), ExecutionStatus::paused);
  EXPECT_THAT(controller_->report().reason, HasSubstr("obstacle: output: bad record"));
  EXPECT_EQ(a.recalls, 1u);
  EXPECT_EQ(stats().obstacle.value().where, "output");
  a.work();
  a.say(wire::Recalled{a.epoch, {{a.slices[1].key, a.slices[1].attempt}}});
  loop_.advance(1s);  // the wait before the next try
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.processed, 4u);
  EXPECT_EQ(outcome_->counters.retries, 0u);
  EXPECT_EQ(outcome_->counters.failed, 0u);
}

TEST_F(ControllerTest, ASliceThatAwaitsAnotherSystemIsChargedNothing) {
  launch_.job.max_retries = 0;
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  for (int i = 0; i < 2; ++i) a.finish(a.slices[i], wire::Outcome::awaits);
  loop_.run_ready();
  EXPECT_THAT(controller_->report().reason, HasSubstr("obstacle: other system: bad record"));
  a.work();
  loop_.advance(1s);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.retries + outcome_->counters.failed, 0u);
}

TEST_F(ControllerTest, AWishOfTheUserIsKeptApartFromAnObstacle) {
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  for (int i = 0; i < 2; ++i) a.finish(a.slices[i], wire::Outcome::obstructed);
  bool paused = false;
  controller_->pause([&](const Result<ExecutionStatus>& reached) { paused = *reached == ExecutionStatus::paused; });
  ASSERT_TRUE(until([&] { return paused; }));
  loop_.advance(10s);
  EXPECT_EQ(controller_->status(), ExecutionStatus::paused);
  EXPECT_EQ(controller_->report().reason, "") << "the obstacle is gone, the wish is not";
  EXPECT_EQ(a.slices.size(), 2u);
  a.work();
  controller_->resume([](const Result<ExecutionStatus>&) {});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
}

}  // namespace
}  // namespace slicemill::controller
