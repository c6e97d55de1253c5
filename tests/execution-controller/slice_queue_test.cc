#include "execution-controller/dispatch/slice_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace slicemill::controller {
namespace {

std::shared_ptr<const SliceRun> run_of(std::uint64_t first_order, std::int64_t count) {
  return std::make_shared<SliceRun>(
      SliceRun{.first_order = first_order, .requests = RangeRequests{.start_key = "a", .span_key = "b", .end = count}});
}

std::vector<std::uint64_t> drain(SliceQueue& queue) {
  std::vector<std::uint64_t> orders;
  while (!queue.empty()) {
    const auto next = queue.take(2);
    if (const auto* slice = std::get_if<ActiveSlice>(&next)) {
      orders.push_back(slice->key.order);
      continue;
    }
    const auto& span = std::get<SliceSpan>(next);
    EXPECT_LE(span.size(), 2u);
    for (std::uint64_t i = span.from; i < span.to; ++i) orders.push_back(span.slice(i).key.order);
  }
  return orders;
}

ActiveSlice single(std::uint64_t order) {
  ActiveSlice slice;
  slice.key.order = order;
  return slice;
}

TEST(SliceQueue, WhatCameBackGoesFirstThenRangesThenRows) {
  SliceQueue queue;
  queue.push_range({run_of(1, 3), 0, 3}, false);
  queue.push_back(single(90));
  queue.push_front(single(50));
  queue.push_front(single(51));
  EXPECT_EQ(queue.size(), 6u);
  EXPECT_THAT(drain(queue), testing::ElementsAre(50, 51, 1, 2, 3, 90));
  EXPECT_TRUE(queue.empty());
}

TEST(SliceQueue, ARequestComesFromItsRun) {
  SliceQueue queue;
  queue.push_range({run_of(5, 10), 4, 5}, true);
  const auto span = std::get<SliceSpan>(queue.take(10));
  ASSERT_EQ(span.size(), 1u);
  const ActiveSlice slice = span.slice(span.from);
  EXPECT_EQ(slice.key.order, 9u);
  EXPECT_EQ(slice.request(), R"({"a":4,"b":5})");
  EXPECT_TRUE(slice.replayed);
}

// Every place of a range, and the rest keeps its order.
TEST(SliceQueue, ExtractTakesExactlyOneOutOfARange) {
  for (std::uint64_t order = 1; order <= 5; ++order) {
    SliceQueue queue;
    queue.push_range({run_of(1, 5), 0, 5}, false);
    queue.push_range({run_of(6, 2), 0, 2}, false);
    const auto slice = queue.extract({0, 0, order, SliceKey::kWholeSlice});
    ASSERT_TRUE(slice) << order;
    EXPECT_EQ(slice->key.order, order);
    EXPECT_EQ(queue.size(), 6u);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t other = 1; other <= 7; ++other)
      if (other != order) expected.push_back(other);
    EXPECT_EQ(drain(queue), expected);
  }
}

TEST(SliceQueue, ExtractRefusesWhatIsNotThere) {
  SliceQueue queue;
  queue.push_range({run_of(1, 5), 1, 3}, false);
  EXPECT_FALSE(queue.extract({0, 0, 1, SliceKey::kWholeSlice})) << "before the open part";
  EXPECT_FALSE(queue.extract({0, 0, 4, SliceKey::kWholeSlice})) << "behind the open part";
  EXPECT_FALSE(queue.extract({0, 1, 2, SliceKey::kWholeSlice})) << "another slicer";
  EXPECT_FALSE(queue.extract({1, 0, 2, SliceKey::kWholeSlice})) << "another generation";
  queue.push_back(single(9));
  EXPECT_TRUE(queue.extract({0, 0, 9, SliceKey::kWholeSlice}));
  EXPECT_EQ(queue.size(), 2u);
}

TEST(SliceQueue, ExtractTakesManyOnlyIfAllOfThemWait) {
  for (std::uint64_t first = 1; first <= 5; ++first) {
    for (std::uint64_t count = 1; count <= 6; ++count) {
      SliceQueue queue;
      queue.push_range({run_of(1, 5), 0, 5}, true);
      queue.push_range({run_of(6, 2), 0, 2}, false);
      const auto span = queue.extract({0, 0, first, SliceKey::kWholeSlice}, count);
      std::vector<std::uint64_t> expected;
      const bool waits = first + count <= 6;
      for (std::uint64_t other = 1; other <= 7; ++other)
        if (!waits || other < first || other >= first + count) expected.push_back(other);
      ASSERT_EQ(span.has_value(), waits) << first << "+" << count;
      if (span) {
        EXPECT_EQ(span->run->key(span->from).order, first);
        EXPECT_EQ(span->size(), count);
        EXPECT_TRUE(span->replayed);
      }
      EXPECT_EQ(drain(queue), expected) << first << "+" << count;
    }
  }
}

TEST(SliceQueue, ASpanThatCouldNotBeGivenIsTheNextOneAgain) {
  SliceQueue queue;
  queue.push_range({run_of(1, 4), 0, 4}, false);
  queue.push_front(std::get<SliceSpan>(queue.take(2)));
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_THAT(drain(queue), testing::ElementsAre(1, 2, 3, 4));
}

}  // namespace
}  // namespace slicemill::controller
