#include "execution-controller/dispatch/credit.h"

#include <gtest/gtest.h>

namespace slicemill::controller {
namespace {

TEST(Credit, IsOneThatRunsAndOneThatWaitsUntilATimeIsKnown) {
  EXPECT_EQ(credit_limit(0), 2u);
}

TEST(Credit, TwentyMillisecondsOfWorkWaitBehindTheSliceThatRuns) {
  EXPECT_EQ(credit_limit(1'000), 21u);
  EXPECT_EQ(credit_limit(100), 201u);
  EXPECT_EQ(credit_limit(6'000), 4u);
}

TEST(Credit, OfLongSlicesOneWaits) {
  EXPECT_EQ(credit_limit(20'000), 2u);
  EXPECT_EQ(credit_limit(3'600e6), 2u);
}

TEST(Credit, OfTinySlicesABoundedNumberWaits) {
  EXPECT_EQ(credit_limit(0.5), 2'049u);
}

}  // namespace
}  // namespace slicemill::controller
