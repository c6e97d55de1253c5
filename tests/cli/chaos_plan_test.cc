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

}  // namespace
}  // namespace slicemill::cli
