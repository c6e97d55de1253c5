#include "cli/chaos_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace slicemill::cli {
namespace {

using testing::HasSubstr;

TEST(ChaosPlan, NamesSeedVictimsAndNumber) {
  const auto plan = parse_chaos_plan("seed=7,kill=worker,kills=3");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->seed, 7u);
  EXPECT_TRUE(plan->kills_workers);
  EXPECT_FALSE(plan->kills_controller);
  EXPECT_EQ(plan->kills, 3);
}

TEST(ChaosPlan, WhatIsNotNamedHasADefault) {
  const auto plan = parse_chaos_plan("kill=worker+controller");
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->seed);
  EXPECT_TRUE(plan->kills_workers && plan->kills_controller);
  EXPECT_EQ(plan->kills, 8);
}

TEST(ChaosPlan, AnythingElseIsRefusedWithAnExample) {
  for (const std::string text : {"", "seed", "seed=x", "seed=-1", "kill=", "kill=master", "kill=worker+", "kills=0",
                                 "kills=10", "seed=1,", "colour=red"}) {
    const auto plan = parse_chaos_plan(text);
    ASSERT_FALSE(plan) << text;
    EXPECT_THAT(plan.error().message, HasSubstr("seed=7,kill=worker+controller")) << text;
  }
}

TEST(ChaosKills, LieWithinTheJobsLengthAndFollowFromTheSeed) {
  const auto length = std::chrono::milliseconds(10'000);
  const auto kills = draw_kills(7, 9, length);
  ASSERT_EQ(kills.size(), 9u);
  const auto again = draw_kills(7, 9, length);
  for (std::size_t i = 0; i < kills.size(); ++i) {
    EXPECT_GE(kills[i].at.count(), 500);
    EXPECT_LE(kills[i].at.count(), 9'500);
    EXPECT_TRUE(i == 0 || kills[i].at >= kills[i - 1].at);
    EXPECT_EQ(kills[i].at, again[i].at);
    EXPECT_EQ(kills[i].number, again[i].number);
  }
  EXPECT_NE(draw_kills(8, 9, length)[0].number, kills[0].number);
  // Half of the length, half of each moment.
  EXPECT_NEAR(draw_kills(7, 9, length / 2)[4].at.count(), kills[4].at.count() / 2, 1);
}

TEST(ChaosKills, APauseMakesAJobLongEnough) {
  using std::chrono::milliseconds;
  EXPECT_EQ(pause_per_slice(milliseconds(3'200), 5, 2).count(), 1'067);  // the slower worker has three of them
  EXPECT_EQ(pause_per_slice(milliseconds(1'000), 1, 4).count(), 1'000);
  EXPECT_EQ(pause_per_slice(milliseconds(1'000), 5'000, 1).count(), 1);
  EXPECT_EQ(pause_per_slice(milliseconds(1'000), 0, 2).count(), 0);
  EXPECT_GE(least_chaos_length(1).count(), 1'000);
  EXPECT_GT(least_chaos_length(9), least_chaos_length(1) * 2);
}

}  // namespace
}  // namespace slicemill::cli
