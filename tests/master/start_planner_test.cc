#include "master/executions/start_planner.h"

#include <gtest/gtest.h>

#include "master/processes/restart_policy.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;

PlannerEntry waiting(std::int64_t wanted) {
  return {false, false, true, wanted, 0};
}
PlannerEntry running(std::int64_t wanted, std::int64_t granted) {
  return {true, false, true, wanted, granted};
}

struct Case {
  const char* name;
  PlannerView view;
  std::vector<Grant> expected;
};

class StartPlannerTable : public ::testing::TestWithParam<Case> {};

TEST_P(StartPlannerTable, Grants) {
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
    Table, StartPlannerTable,
    ::testing::Values(
        Case{"nothing", {8, 0, {}}, {}},
        Case{"enough", {8, 0, {waiting(2), waiting(6)}}, {{true, 2, {}}, {true, 6, {}}}},
        Case{"starts_with_what_there_is", {4, 0, {waiting(3), waiting(3)}}, {{true, 3, {}}, {true, 1, {.slots = 2}}}},
        Case{"none_left", {2, 0, {running(2, 2), waiting(1)}}, {{false, 2, {}}, {false, 0, {.slots = 1}}}},
        Case{"pending_ones_before_more_for_running_ones",
             {4, 0, {running(8, 3), waiting(1)}},
             {{false, 3, {.slots = 5}}, {true, 1, {}}}},
        Case{"tops_up", {8, 0, {running(8, 3)}}, {{false, 8, {}}}},
        Case{"a_held_one_blocks_nobody",
             {2, 0, {held(waiting(2)), waiting(2)}},
             {{false, 0, {.is_held = true}}, {true, 2, {}}}},
        Case{"a_stopping_one_gets_no_more", {8, 0, {stopping(running(8, 3))}}, {{false, 3, {}}}},
        Case{"lingering_workers_use_slots", {4, 3, {waiting(2)}}, {{true, 1, {.slots = 1}}}},
        Case{"more_in_use_than_there_are",
             {2, 0, {running(5, 5), waiting(1)}},
             {{false, 5, {}}, {false, 0, {.slots = 1}}}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(StartPlanner, AShortageIsToldInWords) {
  EXPECT_EQ(to_text({}), "");
  EXPECT_EQ(to_text({.slots = 1}), "waiting for 1 slot");
  EXPECT_EQ(to_text({.slots = 2}), "waiting for 2 slots");
  EXPECT_EQ(to_text({.is_held = true}), "waiting for the processes of the job's previous execution to be gone");
}

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
