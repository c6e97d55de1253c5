#include "core/ledger/open_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill {
namespace {

using Interval = IntervalSet::Interval;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr SeriesKey kSeries{1, 2};

SliceKey key(std::uint64_t order, std::uint64_t path = SliceKey::kWholeSlice) {
  return {1, 2, order, path};
}
RunSpan span(std::uint64_t first, std::uint64_t count) {
  return {kSeries, first, count};
}

TEST(OpenWork, ARunEndsWithItsLastSlice) {
  OpenWork work;
  ASSERT_TRUE(work.created(span(1, 3)));
  EXPECT_EQ(work.pending(), 3U);
  work.settle(key(2));
  work.leave(key(1));
  EXPECT_THAT(work.take_changes().ended_runs, IsEmpty());
  EXPECT_THAT(work.open_orders(span(1, 3)), ElementsAre(Interval{3, 3}));
  work.settle(key(3));
  const auto changes = work.take_changes();
  EXPECT_THAT(changes.ended_runs, ElementsAre(span(1, 3)));
  EXPECT_EQ(work.pending(), 0U);
  EXPECT_TRUE(work.take_changes().ended_runs.empty());
}

TEST(OpenWork, ASliceIsCountedOnceHoweverItLeaves) {
  OpenWork work;
  ASSERT_TRUE(work.created(span(1, 2)));
  work.leave(key(1));
  work.leave(key(1));
  work.settle(key(1));
  work.settle(key(1));
  work.leave(key(1));  // an error row beside its settlement
  EXPECT_EQ(work.pending(), 1U);
  EXPECT_THAT(work.open_orders(span(1, 2)), ElementsAre(Interval{2, 2}));
}

// Ranges over any part of runs that lie side by side, beside gaps, with slices that settled or left before.
TEST(OpenWork, SettlingARangeIsSettlingItsSlices) {
  for (std::uint64_t first = 1; first <= 14; ++first) {
    for (std::uint64_t last = first; last <= 14; ++last) {
      for (const bool disturbed : {false, true}) {
        OpenWork one_by_one, at_once;
        for (OpenWork* work : {&one_by_one, &at_once}) {
          ASSERT_TRUE(work->created(span(2, 3)));
          ASSERT_TRUE(work->created(span(5, 4)));
          ASSERT_TRUE(work->created(span(11, 2)));
          if (!disturbed) continue;
          work->settle(key(6));
          work->leave(key(3));
          work->commit(key(6));  // again, so that it must be published before it is settled
        }
        for (std::uint64_t order = first; order <= last; ++order) one_by_one.settle(key(order));
        at_once.settle(kSeries, first, last);
        EXPECT_EQ(at_once.pending(), one_by_one.pending()) << first << ".." << last;
        EXPECT_EQ(at_once.recommitted(), one_by_one.recommitted());
        const auto a = at_once.take_changes(), b = one_by_one.take_changes();
        EXPECT_EQ(a.ended_runs, b.ended_runs) << first << ".." << last;
        ASSERT_EQ(a.series.size(), b.series.size());
        for (std::size_t i = 0; i < a.series.size(); ++i) {
          EXPECT_EQ(a.series[i].settled.put, b.series[i].settled.put);
          EXPECT_EQ(a.series[i].settled.erase, b.series[i].settled.erase);
        }
        EXPECT_EQ(at_once.open_orders(span(2, 3)), one_by_one.open_orders(span(2, 3)));
        EXPECT_EQ(at_once.open_orders(span(5, 4)), one_by_one.open_orders(span(5, 4)));
      }
    }
  }
}

TEST(OpenWork, PartsOfASliceDoNotSettleIt) {
  OpenWork work;
  ASSERT_TRUE(work.created(span(1, 1)));
  work.settle(key(1, 2));
  work.leave(key(1, 3));
  EXPECT_EQ(work.pending(), 1U);
  EXPECT_TRUE(work.forget(key(1, 3)));
}

TEST(OpenWork, RefusesRunsThatShareOrders) {
  OpenWork work;
  ASSERT_TRUE(work.created(span(10, 5)));
  for (const RunSpan& run : {span(10, 5), span(14, 1), span(8, 3), span(8, 20), span(12, 1)}) {
    const auto created = work.created(run);
    ASSERT_FALSE(created) << run.first;
    EXPECT_EQ(created.error().code, ErrorCode::internal);
  }
  EXPECT_TRUE(work.created(span(15, 1)));
  EXPECT_TRUE(work.created(span(9, 1)));
  EXPECT_FALSE(work.created(span(20, 0)));
  EXPECT_TRUE(work.created({{1, 3}, 10, 5}));  // another slicer
}

TEST(OpenWork, RefusesToForgetWhatNothingElseKnows) {
  OpenWork work;
  ASSERT_TRUE(work.created(span(1, 2)));
  work.leave(key(1));
  const auto forgotten = work.forget(key(1));
  ASSERT_FALSE(forgotten);
  EXPECT_THAT(forgotten.error().message, HasSubstr("1/2/1"));
  work.settle(key(1));
  EXPECT_TRUE(work.forget(key(1)));
}

TEST(OpenWork, RestoredRunsKnowWhatIsSettledAndWhatLeft) {
  OpenWork work;
  ASSERT_TRUE(work.restore_settled(kSeries, {1, 4}));
  ASSERT_FALSE(work.restore_settled(kSeries, {4, 6}));
  work.restore_left(key(6));
  ASSERT_TRUE(work.created(span(3, 5)));  // 3..7: 5 and 7 are open
  EXPECT_EQ(work.pending(), 2U);
  EXPECT_THAT(work.open_orders(span(3, 5)), ElementsAre(Interval{5, 5}, Interval{7, 7}));
  EXPECT_TRUE(work.may_have_row(key(4)));
  EXPECT_TRUE(work.may_have_row(key(6)));
  EXPECT_FALSE(work.may_have_row(key(5)));
  EXPECT_TRUE(work.may_have_row(key(5, 2)));
  EXPECT_EQ(work.settled_until(key(2)), 4U);
  EXPECT_EQ(work.settled_until(key(6)), std::nullopt);
  EXPECT_THAT(work.take_changes().series, IsEmpty());
}

TEST(OpenWork, AnOutputOfASettledSliceIsRememberedUntilItIsSettledAgain) {
  OpenWork work;
  work.commit(key(1));
  EXPECT_THAT(work.recommitted(), IsEmpty());  // an open slice is found by its gap
  work.settle(key(1));
  work.take_changes();
  work.commit(key(1));
  EXPECT_THAT(work.recommitted(), ElementsAre(key(1)));
  EXPECT_THAT(work.take_changes().recommitted_put, ElementsAre(key(1)));
  work.settle(key(1));
  EXPECT_THAT(work.take_changes().recommitted_erase, ElementsAre(key(1)));
  EXPECT_THAT(work.recommitted(), IsEmpty());
}

}  // namespace
}  // namespace slicemill
