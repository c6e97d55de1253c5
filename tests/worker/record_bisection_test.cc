#include "worker/record_bisection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace slicemill {
namespace {

// Records that fail, and what it costs to find them.
class Guilty {
 public:
  explicit Guilty(std::set<std::uint64_t> numbers) : numbers_(std::move(numbers)) {}

  Result<std::map<std::uint64_t, BadRecord>> find(std::uint64_t count) {
    return find_bad_records(count, [&](std::uint64_t from, std::uint64_t to) -> Result<std::optional<BadRecord>> {
      ++probes;
      ran += to - from;
      const auto first = numbers_.lower_bound(from);
      if (first == numbers_.end() || *first >= to) return std::optional<BadRecord>();
      return std::optional(BadRecord{"operations[1] x", "failed at " + std::to_string(*first)});
    });
  }
  std::vector<std::uint64_t> found(std::uint64_t count) {
    std::vector<std::uint64_t> result;
    const auto bad = find(count);
    EXPECT_TRUE(bad) << bad.error().message;
    if (!bad) return result;
    for (const auto& [number, bad_record] : *bad) {
      EXPECT_EQ(bad_record.error, "failed at " + std::to_string(number));
      result.push_back(number);
    }
    return result;
  }

  std::uint64_t probes = 0, ran = 0;

 private:
  std::set<std::uint64_t> numbers_;
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST(RecordBisection, FindsEachWhereverItIs) {
  for (std::uint64_t count = 1; count <= 17; ++count)
    for (std::uint64_t number = 0; number < count; ++number)
      EXPECT_THAT(Guilty({number}).found(count), ElementsAre(number)) << count;
  EXPECT_THAT(Guilty({0, 1, 7, 99}).found(100), ElementsAre(0, 1, 7, 99));
  EXPECT_THAT(Guilty({0, 1, 2}).found(3), ElementsAre(0, 1, 2));
}

TEST(RecordBisection, NoneIsFoundIfEachHalfPasses) {
  EXPECT_THAT(Guilty({}).found(10), IsEmpty());
  EXPECT_THAT(Guilty({}).found(0), IsEmpty());
}

TEST(RecordBisection, OneAmongManyCostsAFewRunsOfTheSlice) {
  Guilty one({700'000});
  EXPECT_THAT(one.found(1'000'000), ElementsAre(700'000));
  EXPECT_LE(one.probes, 42U);
  EXPECT_LE(one.ran, 2'000'010U);
}

TEST(RecordBisection, TooManyAreTheSlicesFault) {
  std::set<std::uint64_t> all;
  for (std::uint64_t number = 0; number < 1000; ++number) all.insert(number);
  Guilty slice(all);
  const auto found = slice.find(1000);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, testing::HasSubstr("more than 64 records of the slice fail"));
  EXPECT_LE(slice.probes, 200U) << "it gives up soon";
  all = {};
  for (std::uint64_t number = 0; number < kMostBadRecords; ++number) all.insert(number * 10);
  EXPECT_EQ(Guilty(all).found(1000).size(), kMostBadRecords);
}

TEST(RecordBisection, AnErrorEndsIt) {
  int probes = 0;
  const auto found = find_bad_records(100, [&](std::uint64_t, std::uint64_t) -> Result<std::optional<BadRecord>> {
    ++probes;
    return Error(ErrorCode::cancelled, "cancelled");
  });
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::cancelled);
  EXPECT_EQ(probes, 1);
}

}  // namespace
}  // namespace slicemill
