#include "master/processes/launchers/standby_pool.h"

#include <gtest/gtest.h>

#include <cctype>
#include <csignal>
#include <fstream>

#include "tests/master/real_loop.h"
#include "tests/master/temp_directory.h"

namespace slicemill::master {
namespace {

class StandbyPoolTest : public ::testing::Test {
 protected:
  ~StandbyPoolTest() override {
    for (const pid_t pid : children()) ::kill(pid, SIGKILL);
    EXPECT_TRUE(turn_until(loop_, [&] { return children().empty(); }));
  }

  std::optional<ProcessIdentity> take(StandbyPool& pool,
                                      std::vector<std::pair<std::string, std::string>> environment = {
                                          {"COLOUR", "blue"}}) {
    return pool.take({.arguments = {STANDBY_CHILD, "x"},
                      .environment = std::move(environment),
                      .output_path = directory_.path() + "/output"});
  }
  // Living children of this process, with an order or without.
  std::vector<pid_t> children() {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (!std::isdigit(static_cast<unsigned char>(name.front()))) continue;
      std::ifstream file(entry.path() / "stat");
      std::string pid, program, state, parent;
      file >> pid >> program >> state >> parent;
      if (program == "(standby_child)" && parent == std::to_string(getpid()) && state != "Z")
        found.push_back(std::stoi(pid));
    }
    return found;
  }

  TempDirectory directory_;
  AsioLoop loop_;
};

TEST_F(StandbyPoolTest, GivesWhatItHasAndThenStartsAnother) {
  StandbyPool pool(loop_, STANDBY_CHILD, {{"COLOUR", "blue"}}, 2);
  EXPECT_FALSE(take(pool)) << "nothing is there yet";
  ASSERT_TRUE(turn_until(loop_, [&] { return pool.size() == 2; }));
  const auto first = take(pool);
  const auto second = take(pool);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->pid, second->pid);
  EXPECT_FALSE(take(pool));
  ASSERT_TRUE(turn_until(loop_, [&] {
    const auto next = take(pool);
    return next && next->pid != first->pid && next->pid != second->pid;
  }));
}

TEST_F(StandbyPoolTest, OnlyForOrdersWithItsEnvironment) {
  StandbyPool pool(loop_, STANDBY_CHILD, {{"COLOUR", "blue"}}, 1);
  ASSERT_TRUE(turn_until(loop_, [&] { return pool.size() == 1; }));
  EXPECT_FALSE(take(pool, {{"COLOUR", "red"}}));
  EXPECT_FALSE(take(pool, {}));
  EXPECT_TRUE(take(pool));
}

TEST_F(StandbyPoolTest, WhatHasDiedIsNotGiven) {
  StandbyPool pool(loop_, STANDBY_CHILD, {{"COLOUR", "blue"}}, 2);
  ASSERT_TRUE(turn_until(loop_, [&] { return pool.size() == 2; }));
  const auto pids = children();
  ::kill(pids[0], SIGKILL);
  ASSERT_TRUE(turn_until(loop_, [&] { return children().size() == 1; }));
  const auto taken = take(pool);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->pid, pids[1]);
  EXPECT_FALSE(take(pool));
}

TEST_F(StandbyPoolTest, NoneWhereNoneAreWantedOrNoneCanBeStarted) {
  StandbyPool none(loop_, STANDBY_CHILD, {}, 0);
  StandbyPool missing(loop_, "/nonexistent/program", {}, 3);
  StandbyPool some(loop_, STANDBY_CHILD, {{"COLOUR", "blue"}}, 1);
  ASSERT_TRUE(turn_until(loop_, [&] { return !children().empty(); }));
  EXPECT_EQ(children().size(), 1U);
  EXPECT_FALSE(take(none, {}));
  EXPECT_FALSE(take(missing, {}));
}

}  // namespace
}  // namespace slicemill::master
