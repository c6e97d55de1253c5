// Words, dates and orders: what filters and sorts compare.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/query/date_period.h"
#include "core/query/field.h"
#include "core/query/sort_order.h"

namespace slicemill::query {
namespace {

using ::testing::HasSubstr;

TEST(Words, AreRunsOfLettersAndDigitsInLowerCase) {
  EXPECT_EQ(words_of(""), "\n");
  EXPECT_EQ(words_of("  -- "), "\n");
  EXPECT_EQ(words_of("Foo-Bar baz_1"), "\nfoo\nbar\nbaz_1\n");
  EXPECT_EQ(words_of("v1.2. it's 3,4 a.b .5"), "\nv1.2\nit's\n3\n4\na.b\n5\n");
  EXPECT_EQ(words_of("ÄÖÜ ΣΑΣ Ж—ж"), "\näöü\nσασ\nж\nж\n");
  EXPECT_EQ(words_of("a\xff\xfe b\xc3"), "\na\nb\n");
}

std::string period(std::string_view text) {
  constexpr WallMs kNow = 1'795'521'600'000;  // 2026-11-24T12:00:00Z, a Tuesday
  const auto read = parse_date_period(text, kNow);
  return read ? to_iso(read->first) + " " + to_iso(read->last) : read.error().message;
}

TEST(DatePeriod, CoversWhatTheTextLeavesOpen) {
  EXPECT_EQ(period("2026"), "2026-01-01T00:00:00.000Z 2026-12-31T23:59:59.999Z");
  EXPECT_EQ(period("2024-02"), "2024-02-01T00:00:00.000Z 2024-02-29T23:59:59.999Z");
  EXPECT_EQ(period("2026-11-24"), "2026-11-24T00:00:00.000Z 2026-11-24T23:59:59.999Z");
  EXPECT_EQ(period("2026-11-24T05"), "2026-11-24T05:00:00.000Z 2026-11-24T05:59:59.999Z");
  EXPECT_EQ(period("2026-11-24T05:07"), "2026-11-24T05:07:00.000Z 2026-11-24T05:07:59.999Z");
  EXPECT_EQ(period("2026-11-24 05:07:08"), "2026-11-24T05:07:08.000Z 2026-11-24T05:07:08.999Z");
  EXPECT_EQ(period("2026-11-24T05:07:08.5Z"), "2026-11-24T05:07:08.500Z 2026-11-24T05:07:08.500Z");
  EXPECT_EQ(period("2026-11-24T05:07:08.123456789+01:30"), "2026-11-24T03:37:08.123Z 2026-11-24T03:37:08.123Z");
  EXPECT_EQ(period("2026-11-24T05:07:08,1234567890z"), "2026-11-24T05:07:08.123Z 2026-11-24T05:07:08.123Z");
  EXPECT_EQ(period("20261124T0507"), "2026-11-24T05:07:00.000Z 2026-11-24T05:07:59.999Z");
  EXPECT_EQ(period("2026-11-24T24:00"), "2026-11-25T00:00:00.000Z 2026-11-25T00:00:59.999Z");
  EXPECT_EQ(period("2026-11-24T23:00-0200"), "2026-11-25T01:00:00.000Z 2026-11-25T01:00:59.999Z");
  EXPECT_EQ(period("0"), "1970-01-01T00:00:00.000Z 1970-01-01T00:00:00.000Z");
}

TEST(DatePeriod, CountsFromNow) {
  EXPECT_EQ(period("now"), "2026-11-24T12:00:00.000Z 2026-11-24T12:00:00.000Z");
  EXPECT_EQ(period("now-1d+2h-30m"), "2026-11-23T13:30:00.000Z 2026-11-23T13:30:00.000Z");
  EXPECT_EQ(period("now-1y/y"), "2025-01-01T00:00:00.000Z 2025-12-31T23:59:59.999Z");
  EXPECT_EQ(period("now+3M"), "2027-02-24T12:00:00.000Z 2027-02-24T12:00:00.000Z");
  EXPECT_EQ(period("now/w"), "2026-11-23T00:00:00.000Z 2026-11-29T23:59:59.999Z");
  EXPECT_EQ(period("now/M"), "2026-11-01T00:00:00.000Z 2026-11-30T23:59:59.999Z");
  EXPECT_EQ(period("now-12h/d"), "2026-11-24T00:00:00.000Z 2026-11-24T23:59:59.999Z");
}

TEST(DatePeriod, RefusesEverythingElse) {
  for (const char* text : {"",
                           "yesterday",

                           "2026-",
                           "2026-1",
                           "2026-00",
                           "2026-02-30",
                           "2026-11-24T",
                           "2026-11-24T24",
                           "2026-11-24T05:60",
                           "2026-11-24T05:07:08.",
                           "2026-11-24T05:0708",
                           "20261124T05:07",
                           "2026-11-24T24:01",
                           "2026-11-24T05Zx",
                           "now-",
                           "now-1",
                           "now1d",
                           "now/",
                           "now/x",
                           "now-99999y",
                           "now/dd",
                           "99999999999999999999",
                           "1e3"}) {
    EXPECT_THAT(period(text), HasSubstr("is no date")) << text;
  }
}

constexpr std::array kFields = {Field{"job_id", FieldType::keyword}, Field{"workers", FieldType::integer},
                                Field{"name", FieldType::text}, Field{"changed", FieldType::date, FieldRole::updated}};

std::string sorted(std::string_view order, std::vector<Json> documents) {
  const auto keys = parse_sort(order, kFields);
  if (!keys) return keys.error().message;
  std::ranges::stable_sort(documents, [&](const Json& a, const Json& b) {
    return sorts_before(*keys, sort_values(*keys, a), sort_values(*keys, b));
  });
  std::string ids;
  for (const Json& document : documents) ids += document["job_id"].get<std::string>();
  return ids;
}

TEST(SortOrder, ComparesByTypeAndPutsNothingLast) {
  const std::vector<Json> documents = {{{"job_id", "a"}, {"workers", 10}, {"name", "b c"}},
                                       {{"job_id", "b"}, {"workers", 9}, {"name", "a z"}},
                                       {{"job_id", "c"}, {"workers", nullptr}, {"name", "b c"}},
                                       {{"job_id", "d"}, {"workers", 10}, {"name", "B"}}};
  EXPECT_EQ(sorted("workers:asc", documents), "badc");
  EXPECT_EQ(sorted("workers:desc", documents), "adbc");
  EXPECT_EQ(sorted("workers", documents), "badc");
  EXPECT_EQ(sorted("name:asc,job_id:desc", documents), "dbca");
  EXPECT_EQ(sorted("workers:desc,name:asc", documents), "dabc");
  EXPECT_EQ(sorted("workers:desc,workers:asc", documents), "adbc");
}

TEST(SortOrder, RefusesWhatIsNotIndexed) {
  EXPECT_EQ(sorted("operations:asc", {}), "cannot sort by \"operations\", it is not an indexed field");
  EXPECT_EQ(sorted("name:up", {}), "sort order must be asc or desc, got \"up\"");
  EXPECT_EQ(sorted("name:asc,", {}), "cannot sort by \"\", it is not an indexed field");
  EXPECT_EQ(sorted("name:", {}), "sort order must be asc or desc, got \"\"");
}

TEST(SortOrder, KnowsTheDefault) {
  EXPECT_TRUE(is_default_sort({}));
  EXPECT_TRUE(is_default_sort(*parse_sort("changed:desc", kFields)));
  EXPECT_FALSE(is_default_sort(*parse_sort("changed:asc", kFields)));
  EXPECT_FALSE(is_default_sort(*parse_sort("changed:desc,name", kFields)));
}

}  // namespace
}  // namespace slicemill::query
