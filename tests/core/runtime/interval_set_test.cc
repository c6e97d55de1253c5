#include "core/runtime/interval_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>
#include <set>

namespace slicemill {
namespace {

using Interval = IntervalSet::Interval;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kHighest = std::numeric_limits<std::uint64_t>::max();

TEST(IntervalSet, MergesWhatTouches) {
  IntervalSet set;
  EXPECT_TRUE(set.add(5));
  EXPECT_TRUE(set.add(7));
  EXPECT_THAT(set.intervals(), ElementsAre(Interval{5, 5}, Interval{7, 7}));
  EXPECT_TRUE(set.add(6));
  EXPECT_THAT(set.intervals(), ElementsAre(Interval{5, 7}));
  EXPECT_FALSE(set.add(6));
  EXPECT_EQ(set.add(1, 10), 7U);
  EXPECT_THAT(set.intervals(), ElementsAre(Interval{1, 10}));
}

TEST(IntervalSet, ReachesBothEndsOfTheNumbers) {
  IntervalSet set;
  EXPECT_TRUE(set.add(kHighest));
  EXPECT_TRUE(set.add(0));
  EXPECT_TRUE(set.add(kHighest - 1));
  EXPECT_THAT(set.intervals(), ElementsAre(Interval{0, 0}, Interval{kHighest - 1, kHighest}));
  EXPECT_THAT(set.gaps(0, kHighest), ElementsAre(Interval{1, kHighest - 2}));
  EXPECT_TRUE(set.contains(kHighest));
}

TEST(IntervalSet, TellsOnlyWhatChanged) {
  IntervalSet set;
  set.add(1, 3);
  set.add(8);
  auto changes = set.take_changes();
  EXPECT_THAT(changes.put, ElementsAre(Interval{1, 3}, Interval{8, 8}));
  EXPECT_THAT(changes.erase, IsEmpty());
  EXPECT_TRUE(set.take_changes().empty());

  set.add(4);
  changes = set.take_changes();
  EXPECT_THAT(changes.put, ElementsAre(Interval{1, 4}));
  EXPECT_THAT(changes.erase, IsEmpty());

  set.add(5, 7);  // absorbs the stored interval that begins at 8
  changes = set.take_changes();
  EXPECT_THAT(changes.put, ElementsAre(Interval{1, 8}));
  EXPECT_THAT(changes.erase, ElementsAre(8U));

  set.add(20);
  set.add(19);  // 20 was never stored under its name
  changes = set.take_changes();
  EXPECT_THAT(changes.put, ElementsAre(Interval{19, 20}));
  EXPECT_THAT(changes.erase, IsEmpty());
}

TEST(IntervalSet, RestoresOnlyAscendingIntervalsThatDoNotTouch) {
  IntervalSet set;
  EXPECT_TRUE(set.restore({3, 5}));
  EXPECT_FALSE(set.restore({6, 8}));
  EXPECT_FALSE(set.restore({5, 8}));
  EXPECT_FALSE(set.restore({1, 1}));
  EXPECT_FALSE(set.restore({9, 8}));
  EXPECT_TRUE(set.restore({7, 8}));
  EXPECT_TRUE(set.take_changes().empty());
  set.add(6);
  const auto changes = set.take_changes();
  EXPECT_THAT(changes.put, ElementsAre(Interval{3, 8}));
  EXPECT_THAT(changes.erase, ElementsAre(7U));
}

TEST(IntervalSet, GapsAndCountsOfAPart) {
  IntervalSet set;
  set.add(3, 5);
  set.add(8, 9);
  EXPECT_THAT(set.gaps(1, 10), ElementsAre(Interval{1, 2}, Interval{6, 7}, Interval{10, 10}));
  EXPECT_THAT(set.gaps(4, 8), ElementsAre(Interval{6, 7}));
  EXPECT_THAT(set.gaps(3, 5), IsEmpty());
  EXPECT_THAT(set.gaps(6, 6), ElementsAre(Interval{6, 6}));
  EXPECT_EQ(set.count(4, 8), 3U);
  EXPECT_EQ(set.count(10, 20), 0U);
  EXPECT_EQ(set.holding(4), (Interval{3, 5}));
  EXPECT_EQ(set.holding(6), std::nullopt);
}

// Against a plain set of numbers and a map that plays the storage.
TEST(IntervalSet, AgreesWithAPlainSet) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    IntervalSet set;
    std::set<std::uint64_t> plain;
    std::map<std::uint64_t, std::uint64_t> stored;
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t first = random() % 100;
      const std::uint64_t last = first + random() % 4;
      std::uint64_t added = 0;
      for (auto member = first; member <= last; ++member) added += plain.insert(member).second ? 1 : 0;
      ASSERT_EQ(set.add(first, last), added);
      if (random() % 5 != 0) continue;
      const auto changes = set.take_changes();
      for (const auto name : changes.erase) ASSERT_EQ(stored.erase(name), 1U) << name;
      for (const auto& put : changes.put) stored[put.first] = put.last;
      std::map<std::uint64_t, std::uint64_t> expected;
      for (const auto& interval : set.intervals()) expected[interval.first] = interval.last;
      ASSERT_EQ(stored, expected);
      for (std::uint64_t member = 0; member < 110; ++member) ASSERT_EQ(set.contains(member), plain.contains(member));
    }
  }
}

}  // namespace
}  // namespace slicemill
