#include "execution-controller/settlement/retry_policy.h"

#include <gtest/gtest.h>

#include <limits>

namespace slicemill::controller {
namespace {

TEST(RetryPolicy, ASliceRunsAtMostMaxRetriesPlusOneTimes) {
  const RetryPolicy policy{.max_retries = 2};
  EXPECT_TRUE(policy.may_retry(0, true));
  EXPECT_TRUE(policy.may_retry(1, true));
  EXPECT_FALSE(policy.may_retry(2, true));
  EXPECT_FALSE(policy.may_retry(0, false)) << "some errors never pass";
  EXPECT_FALSE(RetryPolicy{.max_retries = 0}.may_retry(0, true));
}

TEST(RetryPolicy, ABaseBeyondTheBoundStaysAsItIs) {
  const RetryPolicy policy{.base_ms = 90'000};
  for (const std::uint32_t retries : {0U, 1U, 1000U}) {
    EXPECT_EQ(policy.backoff_ms(retries, 0), 45'000);
    EXPECT_EQ(policy.backoff_ms(retries, 45'000), 90'000);
  }
}

TEST(RetryPolicy, BackoffDoublesWithJitterAndIsBounded) {
  const RetryPolicy policy{.base_ms = 100};
  EXPECT_EQ(policy.backoff_ms(0, 0), 50);
  EXPECT_EQ(policy.backoff_ms(0, 50), 100);
  EXPECT_EQ(policy.backoff_ms(3, 0), 400);
  for (const std::uint64_t random : {std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()}) {
    const auto longest = policy.backoff_ms(1000, random);
    EXPECT_GE(longest, RetryPolicy::kLongestMs / 2);
    EXPECT_LE(longest, RetryPolicy::kLongestMs);
  }
}

}  // namespace
}  // namespace slicemill::controller
