#include "execution-controller/settlement/retry_wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/manual_loop.h"

namespace slicemill::controller {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class RetryWaitTest : public testing::Test {
 protected:
  static ActiveSlice slice(std::uint64_t order) {
    ActiveSlice slice;
    slice.key.order = order;
    return slice;
  }
  ManualLoop loop_;
  std::vector<std::uint64_t> over_;
  RetryWait wait_{loop_, [this](const ActiveSlice& slice) { over_.push_back(slice.key.order); }};
};

TEST_F(RetryWaitTest, EachComesBackWhenItsOwnTimeIsUp) {
  wait_.add(slice(1), 300);
  wait_.add(slice(2), 100);
  EXPECT_EQ(wait_.size(), 2u);
  loop_.advance(100ms);
  EXPECT_THAT(over_, ElementsAre(2));
  EXPECT_EQ(wait_.size(), 1u);
  loop_.advance(200ms);
  EXPECT_THAT(over_, ElementsAre(2, 1));
}

TEST_F(RetryWaitTest, WhatIsDroppedDoesNotComeBack) {
  wait_.add(slice(1), 100);
  EXPECT_EQ(wait_.take_all().size(), 1u);
  EXPECT_EQ(wait_.size(), 0u);
  loop_.advance(1s);
  EXPECT_THAT(over_, IsEmpty());
}

}  // namespace
}  // namespace slicemill::controller
