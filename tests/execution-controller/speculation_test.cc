// Slices that run far longer than others: a second attempt, and one output all the same.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/runtime/in_flight_marker.h"
#include "tests/execution-controller/controller_harness.h"

namespace slicemill::controller {
namespace {

TEST(SpeculationPolicy, IsOffUnlessTheJobAsksAndOneWorkerAlwaysMay) {
  EXPECT_FALSE(SpeculationPolicy().enabled);
  const SpeculationPolicy policy{{.enabled = true, .multiplier = 2.5, .most_percent = 50}};
  EXPECT_TRUE(policy.enabled);
  EXPECT_EQ(policy.multiplier, 2.5);
  EXPECT_EQ(policy.least_ms, 1'000);
  EXPECT_EQ(policy.most_second_attempts(1), 1u);
  EXPECT_EQ(policy.most_second_attempts(9), 4u);
}

TEST(SliceTimes, KnowTheMedianOfTheLatestOnceThereAreSome) {
  SliceTimes times;
  for (std::uint64_t us : {9, 1, 7, 3}) times.add(us);
  EXPECT_FALSE(times.median_us());
  times.add(100);
  EXPECT_EQ(times.median_us(), 7u);
  for (int i = 0; i < 500; ++i) times.add(20);
  EXPECT_EQ(times.median_us(), 20u);
}

TEST(SpeculationPolicy, PatienceIsAMultipleOfTheMedianAndNeverLessThanTheLeast) {
  const SpeculationPolicy policy{{.enabled = true, .multiplier = 3, .least_ms = 2}};
  SliceTimes times;
  EXPECT_FALSE(policy.patience(times));
  for (int i = 0; i < 5; ++i) times.add(100);
  EXPECT_EQ(policy.patience(times), Duration(2ms));
  for (int i = 0; i < 200; ++i) times.add(1'000);
  EXPECT_EQ(policy.patience(times), Duration(3ms));
}

class SpeculationTest : public ControllerTest {
 protected:
  // Worker a has begun `slow` and finishes nothing, b has finished all that it was given: too slow from now on is a.
  void until_only_a_runs(bool speculates = true) {
    launch_.job.speculation.enabled = speculates;
    set_end(80);
    open(true);
    a.emplace(*hub_, "a", 1001);
    b.emplace(*hub_, "b", 1002);
    note_path_ = directory_ + "/begun";
    note_ = std::move(*create_in_flight_marker(note_path_, {"boot", 7, 1}));
    a->hello({}, {}, note_path_);
    ASSERT_TRUE(until([&] { return a->slices.size() == 2; }));
    slow = a->slices[0];
    note_->begin(
        {slow.key.generation, slow.key.slicer, slow.key.order, slow.key.path, slow.attempt.epoch, slow.attempt.n});
    b->hello();
    for (std::uint64_t done = 0; done < 6; ++done) {
      ASSERT_TRUE(until([&] { return !b->slices.empty(); })) << done;
      b->finish(b->slices.front());
      b->slices.pop_front();
    }
    ASSERT_TRUE(until([&] { return processed() == 6; }));
    EXPECT_TRUE(b->slices.empty());
  }
  // b has the second attempt at the slow slice; what waited behind that came back and is done.
  void until_doubled() {
    until_only_a_runs();
    heartbeat_for(900ms);
    EXPECT_TRUE(b->slices.empty()) << "not before its time";
    heartbeat_for(200ms);
    ASSERT_TRUE(until([&] { return b->slices.size() == 1; }));
    EXPECT_EQ(b->slices[0].key, slow.key);
    EXPECT_LT(slow.attempt, b->slices[0].attempt);
    EXPECT_EQ(a->recalls, 1u) << "what waits behind it need not wait";
    a->say(wire::Recalled{a->epoch, {{a->slices[1].key, a->slices[1].attempt}}});
    ASSERT_TRUE(until([&] { return b->slices.size() == 2; }));
    b->finish(b->slices[1]);
    ASSERT_TRUE(until([&] { return processed() == 7; }));
  }
  void heartbeat_for(std::chrono::milliseconds time) {
    a->say(wire::Heartbeat{a->epoch, true});
    b->say(wire::Heartbeat{b->epoch, true});
    loop_.run_ready();
    loop_.advance(time);
    loop_.run_ready();
  }
  void finish_with(PlayedWorker& worker, const wire::SliceOrder& slice, std::uint64_t records) {
    auto result = worker.result_of(slice);
    result.records_in = records;
    worker.say(wire::Results{worker.epoch, 100, {result}});
  }

  std::optional<PlayedWorker> a, b;
  wire::SliceOrder slow;
  std::string note_path_;
  std::unique_ptr<InFlightMarker> note_;
};

TEST_F(SpeculationTest, ASecondAttemptThatDeliversFirstCountsAndTheOtherIsRefused) {
  until_doubled();
  const auto second = b->slices[0];
  finish_with(*b, second, 5);
  ASSERT_TRUE(until([&] { return processed() == 8; }));
  EXPECT_EQ(stats().speculation.begun, 1);
  EXPECT_EQ(stats().speculation.won, 1);
  EXPECT_EQ(a->cancelled, (std::vector<wire::HeldSlice>{{slow.key, slow.attempt}}));
  EXPECT_TRUE(b->cancelled.empty());
  EXPECT_FALSE(outcome_) << "somebody may still stage output";
  finish_with(*a, slow, 1'000);
  a->say(wire::Goodbye{});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.processed, 8u);
  EXPECT_EQ(outcome_->counters.records_in, 7u + 5u);
}

TEST_F(SpeculationTest, AFirstAttemptThatDeliversFirstCountsAndTheOtherGivesUp) {
  until_doubled();
  const auto second = b->slices[0];
  finish_with(*a, slow, 5);
  ASSERT_TRUE(until([&] { return processed() == 8; }));
  EXPECT_EQ(stats().speculation.won, 0);
  EXPECT_EQ(b->cancelled, (std::vector<wire::HeldSlice>{{second.key, second.attempt}}));
  b->say(wire::Recalled{b->epoch, {{second.key, second.attempt}}});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->counters.processed, 8u);
  EXPECT_EQ(outcome_->counters.records_in, 7u + 5u);
}

TEST_F(SpeculationTest, AnAttemptThatFailsIsChargedToNobodyWhileTheOtherGoesOn) {
  until_doubled();
  a->finish(slow, wire::Outcome::failed_for_good);
  heartbeat_for(500ms);
  finish_with(*b, b->slices[0], 5);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.retries, 0u);
  EXPECT_EQ(outcome_->counters.records_in, 7u + 5u);
}

TEST_F(SpeculationTest, ASecondAttemptThatFailsLeavesTheFirst) {
  until_doubled();
  b->finish(b->slices[0], wire::Outcome::failed);
  heartbeat_for(1500ms);
  EXPECT_EQ(b->slices.size(), 2u) << "no third attempt while the first one runs";
  a->finish(slow);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.retries, 0u);
}

TEST_F(SpeculationTest, TheDeathOfOneLeavesTheOtherAndTheDeathOfTheOtherIsCharged) {
  until_doubled();
  monitor_.watched[1001]({true, SIGSEGV, 0});
  loop_.run_ready();
  EXPECT_EQ(b->slices.size(), 2u) << "it runs there already";
  EXPECT_EQ(stats().slices.retries, 0);
  monitor_.watched[1002]({true, SIGSEGV, 0});
  PlayedWorker c(*hub_, "c", 1003);
  c.hello();
  ASSERT_TRUE(until([&] { return c.slices.size() == 1; }));
  EXPECT_EQ(c.slices[0].key, slow.key);
  c.finish(c.slices[0]);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->counters.processed, 8u);
}

TEST_F(SpeculationTest, AWorkerThatNeverLetsGoIsKilledSoThatTheExecutionEnds) {
  until_doubled();
  finish_with(*b, b->slices[0], 5);
  ASSERT_TRUE(until([&] { return !monitor_.killed.empty(); }));
  EXPECT_EQ(monitor_.killed[0], 1001);
  EXPECT_FALSE(outcome_);
  monitor_.watched[1001]({true, SIGKILL, 0});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.retries, 0u) << "the slice that it had begun is done";
}

TEST_F(SpeculationTest, WhatWaitsAtAWorkerThatDoesNotHearRunsElsewhereToo) {
  until_only_a_runs();
  heartbeat_for(1100ms);
  ASSERT_TRUE(until([&] { return b->slices.size() == 1; }));
  b->finish(b->slices[0]);
  ASSERT_TRUE(until([&] { return processed() == 7; }));
  heartbeat_for(1100ms);
  ASSERT_TRUE(until([&] { return b->slices.size() == 2; }));
  EXPECT_EQ(b->slices[1].key, a->slices[1].key);
  b->finish(b->slices[1]);
  ASSERT_TRUE(until([&] { return !monitor_.killed.empty(); }));
  monitor_.watched[1001]({true, SIGKILL, 0});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->counters.processed, 8u);
  EXPECT_EQ(stats().speculation.won, 2);
}

TEST_F(SpeculationTest, AWorkerThatComesBackWithoutItsSecondAttemptHasNone) {
  until_doubled();
  PlayedWorker again(*hub_, "b", 1002);
  again.hello();
  ASSERT_TRUE(until([&] { return again.welcome.has_value(); }));
  a->finish(slow);
  ASSERT_TRUE(until_ended());
  EXPECT_TRUE(again.cancelled.empty());
  EXPECT_EQ(outcome_->counters.processed, 8u);
}

// It was on its way when the second attempt began.
TEST_F(SpeculationTest, ASumThatCountsASliceThatRunsTwiceIsRefusedAndNothingWaitsForIt) {
  until_only_a_runs();
  heartbeat_for(1100ms);
  ASSERT_TRUE(until([&] { return b->slices.size() == 1; }));
  auto sum = a->result_of(slow);
  sum.count = 2;
  a->say(wire::Results{a->epoch, 1, {sum}});
  ASSERT_TRUE(until([&] { return a->slices.size() + b->slices.size() == 4; })) << "what was behind it runs again";
  EXPECT_EQ(processed(), 6u);
  EXPECT_TRUE(monitor_.killed.empty());
  b->finish(b->slices[0]);
  auto& holder = a->slices.size() > 2 ? *a : *b;
  holder.finish(holder.slices.back());
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->counters.processed, 8u);
  EXPECT_EQ(outcome_->counters.refused, 1u);
}

TEST_F(SpeculationTest, ASumWithAnAttemptThatNobodyWantsEndsItsRevoking) {
  until_only_a_runs();
  heartbeat_for(1100ms);
  ASSERT_TRUE(until([&] { return b->slices.size() == 1; }));
  b->finish(b->slices[0]);
  ASSERT_TRUE(until([&] { return processed() == 7; }));
  auto sum = a->result_of(slow);
  sum.count = 2;
  a->say(wire::Results{a->epoch, 1, {sum}});
  ASSERT_TRUE(until([&] { return a->slices.size() + b->slices.size() == 4; }));
  auto& holder = a->slices.size() > 2 ? *a : *b;
  holder.finish(holder.slices.back());
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->counters.processed, 8u);
  EXPECT_TRUE(monitor_.killed.empty()) << "it let go";
}

TEST_F(SpeculationTest, NoSliceRunsTwiceUnlessTheJobSaysSo) {
  until_only_a_runs(false);
  heartbeat_for(3s);
  EXPECT_TRUE(b->slices.empty());
  EXPECT_EQ(stats().speculation.begun, 0);
}

TEST_F(SpeculationTest, APauseTakesASecondAttemptBackThatHasNotBegun) {
  until_doubled();
  controller_->pause([](const Result<ExecutionStatus>&) {});
  const auto second = b->slices[0];
  b->say(wire::Recalled{b->epoch, {{second.key, second.attempt}}});
  loop_.run_ready();
  heartbeat_for(2s);
  EXPECT_EQ(b->slices.size(), 2u) << "nothing begins while it is paused";
  a->finish(slow);
  ASSERT_TRUE(until([&] { return processed() == 8; }));
}

}  // namespace
}  // namespace slicemill::controller
