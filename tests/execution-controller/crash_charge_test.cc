#include "execution-controller/dispatch/crash_charge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/fakes/manual_loop.h"

namespace slicemill::controller {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CrashChargeTest : public testing::Test {
 protected:
  static ActiveSlice slice(std::uint64_t order) {
    ActiveSlice slice;
    slice.key.order = order;
    return slice;
  }

  ManualLoop loop_;
  std::vector<std::uint64_t> free_;
  std::vector<std::string> crashes_;
  int told_ = 0;
  CrashCharge charge_{loop_,
                      {.on_free = [this](const ActiveSlice& slice) { free_.push_back(slice.key.order); },
                       .on_crash =
                           [this](const ActiveSlice& slice, const std::string& cause) {
                             crashes_.push_back(std::to_string(slice.key.order) + ": " + cause);
                           },
                       .on_told = [this] { ++told_; }}};
};

TEST_F(CrashChargeTest, AnExitThatIsSeenIsChargedAtOnceUnlessTheWorkerWasToldToEnd) {
  charge_.charge(slice(1), 7, {.known = true, .code = 0, .signal = SIGSEGV});
  charge_.charge(slice(2), 8, {.known = true, .code = 0, .signal = SIGTERM});
  charge_.charge(slice(3), 9, {.known = true, .code = 0, .signal = 0});
  charge_.charge(slice(4), 10, {.known = true, .code = 3, .signal = 0});
  EXPECT_THAT(crashes_, ElementsAre("1: signal 11 (Segmentation fault)", "4: exit code 3"));
  EXPECT_THAT(free_, ElementsAre(2, 3));
  EXPECT_EQ(charge_.waiting(), 0u);
}

TEST_F(CrashChargeTest, TheParentMaySayTheCauseBeforeOrAfterTheDeathIsSeen) {
  charge_.told(7, "signal 9 (Killed)");
  charge_.charge(slice(1), 7, {});
  EXPECT_THAT(crashes_, ElementsAre("1: signal 9 (Killed)"));
  charge_.charge(slice(2), 8, {});
  EXPECT_EQ(charge_.waiting(), 1u);
  charge_.told(8, "signal 15 (Terminated)");
  EXPECT_THAT(free_, ElementsAre(2));
  EXPECT_EQ(told_, 1);
}

TEST_F(CrashChargeTest, ADeathThatIsNotExplainedWithinASecondIsChargedToo) {
  charge_.charge(slice(1), 7, {});
  loop_.advance(990ms);
  EXPECT_THAT(crashes_, IsEmpty());
  loop_.advance(20ms);
  EXPECT_THAT(crashes_, ElementsAre("1: unknown cause"));
  EXPECT_EQ(charge_.waiting(), 0u);
}

TEST_F(CrashChargeTest, WhatWaitsCanBeTakenBack) {
  charge_.charge(slice(1), 7, {});
  EXPECT_EQ(charge_.take_all().size(), 1u);
  loop_.advance(2s);
  EXPECT_THAT(crashes_, IsEmpty());
}

}  // namespace
}  // namespace slicemill::controller
