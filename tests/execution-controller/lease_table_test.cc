#include "execution-controller/dispatch/lease_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace slicemill::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Attempt kFirst{7, 1};

std::shared_ptr<const SliceRun> run_of(std::uint32_t slicer, std::uint64_t first_order, std::int64_t count) {
  return std::make_shared<SliceRun>(
      SliceRun{.slicer = slicer,
               .first_order = first_order,
               .requests = RangeRequests{.start_key = "a", .span_key = "b", .end = count}});
}

SliceKey key(std::uint64_t order, std::uint32_t slicer = 0) {
  return {0, slicer, order, SliceKey::kWholeSlice};
}

ActiveSlice single(std::uint64_t order, Attempt attempt, std::uint64_t path = SliceKey::kWholeSlice) {
  ActiveSlice slice;
  slice.key = {0, 0, order, path};
  slice.attempt = attempt;
  slice.tries = attempt.n;
  return slice;
}

std::vector<std::uint64_t> orders(const std::vector<ActiveSlice>& slices) {
  std::vector<std::uint64_t> result;
  for (const auto& slice : slices) result.push_back(slice.key.order);
  return result;
}

// Worker 1 has orders 10..19 of slicer 0, worker 2 those of slicer 1 and a single retried slice within worker 1's span.
class Leases : public testing::Test {
 protected:
  void SetUp() override {
    table.add(SliceSpan{run_of(0, 1, 100), 9, 19, true}, kFirst, 1);
    table.add(SliceSpan{run_of(1, 10, 10), 0, 10, false}, kFirst, 2);
  }
  LeaseTable table;
};

TEST_F(Leases, KnowTheHolderOfEachSliceAndOfNoOther) {
  EXPECT_EQ(table.size(), 20u);
  for (std::uint64_t order = 10; order < 20; ++order) {
    EXPECT_EQ(table.holder(key(order)), (LeaseTable::Holder{1, kFirst})) << order;
    EXPECT_EQ(table.holder(key(order, 1)), (LeaseTable::Holder{2, kFirst})) << order;
  }
  EXPECT_FALSE(table.holder(key(9)));
  EXPECT_FALSE(table.holder(key(20)));
  EXPECT_FALSE(table.holder(key(20, 1)));
  EXPECT_FALSE(table.holder(key(12, 2)));
  EXPECT_FALSE(table.holder({0, 0, 12, 2})) << "a part of a slice is not the slice";
  EXPECT_FALSE(table.holder({1, 0, 12, SliceKey::kWholeSlice})) << "another generation";
}

TEST_F(Leases, OneSliceLeavesItsSpanAsOneThatWasTried) {
  const ActiveSlice slice = table.take(key(12));
  EXPECT_EQ(slice.key, key(12));
  EXPECT_EQ(slice.attempt, kFirst);
  EXPECT_EQ(slice.tries, 1u);
  EXPECT_TRUE(slice.replayed);
  EXPECT_EQ(slice.request(), R"({"a":11,"b":12})");
  EXPECT_FALSE(table.holder(key(12)));
  EXPECT_TRUE(table.holder(key(11)));
  EXPECT_TRUE(table.holder(key(13)));
  EXPECT_EQ(table.size(), 19u);
}

TEST_F(Leases, PartsOfASpanEndTogether) {
  const LeaseTable::Holder first{1, kFirst};
  const auto begin = table.take(key(10), 4, first);
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->run->key(begin->from), key(10));
  EXPECT_EQ(begin->size(), 4u);
  EXPECT_TRUE(begin->replayed);
  EXPECT_FALSE(table.holder(key(13)));
  EXPECT_TRUE(table.holder(key(14)));
  const auto rest = table.take(key(14), 6, first);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->run->key(rest->to - 1), key(19));
  EXPECT_EQ(table.size(), 10u) << "the other span";
  EXPECT_FALSE(table.take(key(10), 1, first)) << "only once";
}

TEST_F(Leases, NothingEndsUnlessTheHolderHasAllOfThem) {
  EXPECT_FALSE(table.take(key(10), 11, {1, kFirst})) << "beyond the span";
  EXPECT_FALSE(table.take(key(10), 2, {2, kFirst})) << "another worker";
  EXPECT_FALSE(table.take(key(10), 2, {1, {8, 1}})) << "another epoch";
  EXPECT_FALSE(table.take(key(10), 2, {1, {7, 2}})) << "another attempt";
  (void)table.take(key(11));
  EXPECT_FALSE(table.take(key(10), 2, {1, kFirst})) << "one is gone";
  EXPECT_FALSE(table.take(key(10), 10, {1, kFirst}));
  EXPECT_TRUE(table.take(key(12), 8, {1, kFirst}));
  EXPECT_EQ(table.size(), 11u);
}

TEST_F(Leases, ASliceThatCameBackIsHeldApartFromItsSpan) {
  ActiveSlice back = table.take(key(12));
  back.attempt = {7, 2};
  table.add(std::move(back), 2);
  EXPECT_EQ(table.holder(key(12)), (LeaseTable::Holder{2, {7, 2}}));
  EXPECT_FALSE(table.take(key(11), 2, {1, kFirst})) << "not this worker's any more";
  EXPECT_THAT(table.held_by(1), testing::SizeIs(9));
  EXPECT_THAT(table.held_by(2), testing::SizeIs(11));
  EXPECT_EQ(table.take(key(12)).attempt, (Attempt{7, 2}));
  EXPECT_FALSE(table.holder(key(12))) << "and not its span's again";
}

// What a worker held when its controller died comes back slice by slice, and is told as one sum.
TEST_F(Leases, SlicesAdoptedOneByOneEndTogether) {
  const auto run = run_of(2, 1, 100);
  const auto adopt = [&](std::uint64_t index, bool has_row = false) {
    ActiveSlice slice = SliceSpan{run, 0, 100, true}.slice(index);
    slice.attempt = {6, 1};
    slice.has_row = has_row;
    table.add(std::move(slice), 3);
  };
  for (const std::uint64_t index : {4, 5, 6, 8}) adopt(index);
  adopt(9, true);
  const LeaseTable::Holder holder{3, {6, 1}};
  EXPECT_FALSE(table.take(key(5, 2), 4, holder)) << "one of them is nobody's";
  EXPECT_FALSE(table.take(key(9, 2), 2, holder)) << "one of them has a row";
  EXPECT_FALSE(table.take(key(5, 2), 3, {3, {6, 2}})) << "another attempt";
  EXPECT_FALSE(table.take(key(5, 2), 3, {2, {6, 1}})) << "another worker";
  EXPECT_EQ(table.size(), 25u);
  const auto taken = table.take(key(5, 2), 3, holder);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->run->key(taken->from), key(5, 2));
  EXPECT_EQ(taken->size(), 3u);
  EXPECT_TRUE(taken->replayed);
  EXPECT_FALSE(table.holder(key(6, 2)));
  EXPECT_EQ(table.size(), 22u);
}

TEST_F(Leases, PartsOfABisectedSliceAreTheirOwn) {
  table.add(single(30, {7, 1}, 2), 3);
  table.add(single(30, {7, 1}, 3), 4);
  EXPECT_EQ(table.holder({0, 0, 30, 2}), (LeaseTable::Holder{3, {7, 1}}));
  EXPECT_EQ(table.holder({0, 0, 30, 3}), (LeaseTable::Holder{4, {7, 1}}));
  EXPECT_FALSE(table.holder(key(30)));
}

TEST_F(Leases, AWorkersLeasesEndTogetherInTheOrderOfKeys) {
  (void)table.take(key(15));
  table.add(single(3, {7, 2}), 1);
  table.add(single(40, {7, 3}), 1);
  const auto slices = table.take_all(1);
  EXPECT_THAT(orders(slices), ElementsAre(3, 10, 11, 12, 13, 14, 16, 17, 18, 19, 40));
  EXPECT_EQ(slices.front().attempt, (Attempt{7, 2}));
  EXPECT_EQ(slices[1].attempt, kFirst);
  EXPECT_THAT(table.held_by(1), IsEmpty());
  EXPECT_EQ(table.size(), 10u);
  EXPECT_THAT(orders(table.take_all()), ElementsAre(10, 11, 12, 13, 14, 15, 16, 17, 18, 19));
  EXPECT_EQ(table.size(), 0u);
  EXPECT_FALSE(table.holder(key(10, 1)));
}

TEST_F(Leases, TheOldestOfAWorkerIsTakenOutOfItsSpan) {
  auto* oldest = table.oldest_undoubled(1);
  ASSERT_NE(oldest, nullptr);
  EXPECT_EQ(oldest->slice.key, key(10));
  EXPECT_EQ(oldest->slice.attempt, kFirst);
  EXPECT_TRUE(oldest->slice.replayed);
  EXPECT_EQ(table.size(), 20u);
  oldest->worker = 3;
  oldest->slice.attempt = {7, 2};
  EXPECT_EQ(table.holder(key(10)), (LeaseTable::Holder{3, {7, 2}}));
  EXPECT_EQ(table.oldest_undoubled(1)->slice.key, key(11));
  EXPECT_EQ(table.oldest_undoubled(1)->slice.key, key(11)) << "it is still the oldest one";
  EXPECT_EQ(&table.single(key(11)), table.oldest_undoubled(1));
  (void)table.take(key(11));
  table.add(single(300, kFirst), 1);
  EXPECT_EQ(table.oldest_undoubled(1)->slice.key, key(12)) << "that one was given before";
  for (const auto& held : table.held_by(1))
    if (held.order < 300) (void)table.take(held);
  EXPECT_EQ(table.oldest_undoubled(1)->slice.key, key(300));
  table.single(key(300)).doubled = true;
  EXPECT_EQ(table.oldest_undoubled(1), nullptr);
  EXPECT_EQ(table.oldest_undoubled(9), nullptr);
}

// A worker that did not hear may still deliver in one sum what was given a second time one by one.
TEST_F(Leases, ASumEndsNoLeaseThatHadASecondAttempt) {
  table.add(SliceSpan{run_of(4, 1, 2), 0, 2, false}, kFirst, 7);
  for (std::uint64_t order = 1; order <= 2; ++order) table.oldest_undoubled(7)->doubled = true;
  EXPECT_FALSE(table.take(key(1, 4), 2, {7, kFirst}));
  EXPECT_THAT(table.held_by(7), ElementsAre(key(1, 4), key(2, 4)));
}

}  // namespace
}  // namespace slicemill::controller
