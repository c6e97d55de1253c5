#include "execution-controller/drain_deadline.h"

#include <gtest/gtest.h>

#include "tests/fakes/manual_loop.h"

namespace slicemill::controller {
namespace {

using namespace std::chrono_literals;

TEST(DrainDeadlineTest, TheNearerDeadlineCountsAndItPassesOnce) {
  ManualLoop loop;
  int passed = 0;
  DrainDeadline deadline(loop, [&] { ++passed; });
  deadline.set(10'000);
  deadline.set(30'000);
  deadline.set(2'000);
  loop.advance(1'999ms);
  EXPECT_FALSE(deadline.passed());
  loop.advance(1ms);
  EXPECT_TRUE(deadline.passed());
  deadline.set(100);
  loop.advance(60s);
  EXPECT_EQ(passed, 1);
}

}  // namespace
}  // namespace slicemill::controller
