#include "master/executions/start_planner.h"

#include <gtest/gtest.h>

#include "master/processes/restart_policy.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;

PlannerEntry waiting(const char* id, std::int64_t wanted) {
  return {ExecutionId(id), false, false, true, wanted, 0};
}
PlannerEntry running(const char* id, std::int64_t wanted, std::int64_t granted) {
  return {ExecutionId(id), true, false, true, wanted, granted};
}

struct Case {
  const char* name;
  PlannerView view;
  std::vector<Grant> expected;
};

class StartPlanner : public ::testing::TestWithParam<Case> {};

TEST_P(StartPlanner, Grants) {
  EXPECT_EQ(plan_starts(GetParam().view), GetParam().expected);
}

PlannerEntry held(PlannerEntry entry) {
  entry.held = true;
  return entry;
}
PlannerEntry stopping(PlannerEntry entry) {
  entry.wants_more = false;
  return entry;
}

INSTANTIATE_TEST_SUITE_P(
    Table, StartPlanner,
    ::testing::Values(
        Case{"nothing", {8, 0, {}}, {}},
        Case{"enough",
             {8, 0, {waiting("a", 2), waiting("b", 6)}},
             {{ExecutionId("a"), true, 2, ""}, {ExecutionId("b"), true, 6, ""}}},
        Case{"starts_with_what_there_is",
             {4, 0, {waiting("a", 3), waiting("b", 3)}},
             {{ExecutionId("a"), true, 3, ""}, {ExecutionId("b"), true, 1, "waiting for 2 slots"}}},
        Case{"none_left",
             {2, 0, {running("a", 2, 2), waiting("b", 1)}},
             {{ExecutionId("a"), false, 2, ""}, {ExecutionId("b"), false, 0, "waiting for 1 slots"}}},
        Case{"pending_ones_before_more_for_running_ones",
             {4, 0, {running("a", 8, 3), waiting("b", 1)}},
             {{ExecutionId("a"), false, 3, "waiting for 5 slots"}, {ExecutionId("b"), true, 1, ""}}},
        Case{"tops_up", {8, 0, {running("a", 8, 3)}}, {{ExecutionId("a"), false, 8, ""}}},
        Case{"a_held_one_blocks_nobody",
             {2, 0, {held(waiting("a", 2)), waiting("b", 2)}},
             {{ExecutionId("a"), false, 0, "waiting for the processes of the job's previous execution to be gone"},
              {ExecutionId("b"), true, 2, ""}}},
        Case{"a_stopping_one_gets_no_more", {8, 0, {stopping(running("a", 8, 3))}}, {{ExecutionId("a"), false, 3, ""}}},
        Case{"lingering_workers_use_slots",
             {4, 3, {waiting("a", 2)}},
             {{ExecutionId("a"), true, 1, "waiting for 1 slots"}}},
        Case{"more_in_use_than_there_are",
             {2, 0, {running("a", 5, 5), waiting("b", 1)}},
             {{ExecutionId("a"), false, 5, ""}, {ExecutionId("b"), false, 0, "waiting for 1 slots"}}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(RestartPolicy, DoublesUpToTheLongestDelayAndGivesUp) {
  RestartPolicy policy({60s, true, 100ms, 5s, 10});
  const std::vector<Duration> expected = {0ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5s, 5s, 5s};
  for (const auto delay : expected) EXPECT_EQ(policy.on_exit(59s), delay);
  EXPECT_EQ(policy.on_exit(59s), std::nullopt);
}

TEST(RestartPolicy, ALongLifeForgivesWhatWasBefore) {
  RestartPolicy policy({60s, true, 100ms, 5s, 2});
  policy.on_exit(0s);
  EXPECT_EQ(policy.on_exit(0s), 100ms);
  EXPECT_EQ(policy.on_exit(60s), 0ms);
  EXPECT_EQ(policy.on_exit(0s), 0ms);
  EXPECT_EQ(policy.on_exit(0s), 100ms);
  EXPECT_EQ(policy.on_exit(0s), std::nullopt);
}

TEST(RestartPolicy, WithoutABudgetItNeverGivesUp) {
  RestartPolicy policy({1s, false, 100ms, 5s, 0});
  EXPECT_EQ(policy.on_exit(0s), 100ms);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(policy.on_exit(0s));
}

}  // namespace
}  // namespace slicemill::master
