#include "execution-controller/probation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/manual_loop.h"

namespace slicemill::controller {
namespace {

using namespace std::chrono_literals;

class ProbationTest : public testing::Test {
 protected:
  Probation& begin(bool persistent) {
    JobSpec job;
    job.persistent = persistent;
    job.probation_ms = 1'000;
    probation_.emplace(loop_, job,
                       Probation::Hooks{.counters = [this] { return counters_; }, .on_over = [this] { ++over_; }});
    return *probation_;
  }
  ManualLoop loop_;
  SliceCounters counters_;
  int over_ = 0;
  std::optional<Probation> probation_;
};

TEST_F(ProbationTest, OneThatEndsByItselfStaysFailingUntilItIsResumed) {
  Probation& probation = begin(false);
  EXPECT_EQ(probation.reason(), "");
  probation.slice_failed();
  EXPECT_TRUE(probation.is_failing());
  EXPECT_EQ(probation.reason(), "a slice has failed");
  ++counters_.processed;
  loop_.advance(1h);
  EXPECT_TRUE(probation.is_failing());
  probation.end();
  EXPECT_FALSE(probation.is_failing());
  EXPECT_EQ(over_, 0);
}

TEST_F(ProbationTest, APersistentOneIsWellAfterAWindowWithProgressAndWithoutFailures) {
  Probation& probation = begin(true);
  counters_.failed = 1;
  probation.slice_failed();
  EXPECT_EQ(probation.reason(), "a slice has failed of late");
  loop_.advance(1s);
  EXPECT_TRUE(probation.is_failing()) << "nothing was done in the window";
  ++counters_.processed;
  ++counters_.failed;
  loop_.advance(1s);
  EXPECT_TRUE(probation.is_failing()) << "a slice failed in the window";
  ++counters_.processed;
  loop_.advance(1s);
  EXPECT_FALSE(probation.is_failing());
  EXPECT_EQ(over_, 1);
  probation.slice_failed();
  EXPECT_TRUE(probation.is_failing());
}

TEST_F(ProbationTest, AResumeEndsTheWindowToo) {
  Probation& probation = begin(true);
  probation.slice_failed();
  probation.end();
  ++counters_.processed;
  loop_.advance(5s);
  EXPECT_EQ(over_, 0);
}

}  // namespace
}  // namespace slicemill::controller
