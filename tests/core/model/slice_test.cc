#include "core/model/slice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace slicemill {
namespace {

SliceRun range(std::int64_t start, std::int64_t step, std::int64_t end, bool length = false) {
  return {.generation = 1,
          .slicer = 2,
          .first_order = 10,
          .created_ms = 1000,
          .requests = RangeRequests{.fixed = "\"path\":\"/a\"",
                                    .start_key = "offset",
                                    .span_key = length ? "length" : "end",
                                    .span_is_length = length,
                                    .start = start,
                                    .step = step,
                                    .end = end}};
}

TEST(SliceRun, ARangeExpandsToItsRequests) {
  const auto run = range(0, 10, 25);
  ASSERT_EQ(run.count(), 3u);
  EXPECT_EQ(run.request(0), R"({"path":"/a","offset":0,"end":10})");
  EXPECT_EQ(run.request(2), R"({"path":"/a","offset":20,"end":25})");
  EXPECT_EQ(range(0, 10, 25, true).request(2), R"({"path":"/a","offset":20,"length":5})");
  EXPECT_EQ(run.key(2), (SliceKey{1, 2, 12, SliceKey::kWholeSlice}));
}

TEST(SliceRun, ARangeToTheEndOfTheNumbersDoesNotOverflow) {
  const auto last = std::numeric_limits<std::int64_t>::max();
  const auto run = range(last - 15, 10, last);
  ASSERT_EQ(run.count(), 2u);
  EXPECT_EQ(run.request(1),
            "{\"path\":\"/a\",\"offset\":" + std::to_string(last - 5) + ",\"end\":" + std::to_string(last) + "}");
}

TEST(SliceRun, RangeWithoutFixedMembers) {
  SliceRun run = range(0, 1, 2);
  std::get<RangeRequests>(run.requests).fixed.clear();
  EXPECT_EQ(run.request(1), R"({"offset":1,"end":2})");
}

// Every part of a run has the keys and requests that the run has there, also when it is cut again.
TEST(SliceRun, PartsExpandAsTheirRun) {
  const auto last = std::numeric_limits<std::int64_t>::max();
  const SliceRun list{.first_order = 5, .created_ms = 9, .requests = ListRequests{{"{}", "{\"a\":1}", "{\"b\":2}"}}};
  for (const auto& run : {list, range(0, 10, 25), range(0, 10, 30, true), range(last - 25, 10, last)}) {
    for (std::uint64_t from = 0; from < run.count(); ++from) {
      for (std::uint64_t to = from + 1; to <= run.count(); ++to) {
        const SliceRun part = run.part(from, to);
        ASSERT_EQ(part.count(), to - from);
        EXPECT_EQ(part.created_ms, run.created_ms);
        for (std::uint64_t i = from; i < to; ++i) {
          EXPECT_EQ(part.key(i - from), run.key(i));
          EXPECT_EQ(part.request(i - from), run.request(i));
        }
        EXPECT_EQ(part.part(to - from - 1, to - from), run.part(to - 1, to));
      }
    }
  }
}

TEST(SliceRun, EncodingRoundTripsAndEveryCutIsRefused) {
  const SliceRun list{
      .generation = 0, .slicer = 0, .first_order = 1, .created_ms = -5, .requests = ListRequests{{"{\"a\":1}", "{}"}}};
  for (const auto& run : {list, range(-100, 7, 1'000'000'000'000)}) {
    const auto bytes = encode_run(run);
    ASSERT_TRUE(decode_run(bytes));
    EXPECT_EQ(*decode_run(bytes), run);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(decode_run(bytes.substr(0, cut))) << cut;
    EXPECT_FALSE(decode_run(bytes + "x"));
  }
}

TEST(SliceId, IsStableAndTellsSlicesApart) {
  const SliceKey key{0, 0, 1, SliceKey::kWholeSlice};
  EXPECT_EQ(slice_id("ex", key), slice_id("ex", key));
  EXPECT_NE(slice_id("ex", key), slice_id("other", key));
  EXPECT_NE(slice_id("ex", key), slice_id("ex", {0, 0, 2, SliceKey::kWholeSlice}));
  EXPECT_NE(slice_id("ex", key), slice_id("ex", {0, 0, 1, 2}));
  EXPECT_EQ(slice_id("ex", key).size(), 36u);
}

TEST(SliceRun, ExtentsAddUpToTheWholeRange) {
  const SliceRun run = range(5, 10, 28);
  EXPECT_EQ(run.extent(0, 1), 10U);
  EXPECT_EQ(run.extent(2, 3), 3U);
  EXPECT_EQ(run.extent(1, 3), 13U);
  EXPECT_EQ(run.extent(0, run.count()), 23U);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(range(most - 5, 4, most).extent(1, 2), 1U);
  const SliceRun list{.requests = ListRequests{{R"({"path":"a","offset":3,"length":4})", R"({"length":5,"x":1})"}}};
  EXPECT_EQ(list.extent(0, 2), 9U);
  EXPECT_EQ(list.extent(1, 2), 5U);
}

TEST(RequestExtent, IsWhatTheRequestSaysOfItsSize) {
  EXPECT_EQ(request_extent(R"({"processed":100,"count":20})"), 20U);
  EXPECT_EQ(request_extent(R"({"start":-3,"end":7})"), 10U);
  EXPECT_EQ(request_extent(R"({"members":[{"length":4},{"length":5}]})"), 9U);
  EXPECT_EQ(request_extent(R"({"members":[{"start":0,"end":4},{"start":9,"end":10}]})"), 5U);
  EXPECT_EQ(request_extent(R"({"path":"a\"length\":7","length":2})"), 2U) << "within a text it is no member";
  EXPECT_EQ(request_extent(R"({"id":1})"), 0U);
  EXPECT_EQ(request_extent(R"({"length":"much"})"), 0U);
  EXPECT_EQ(request_extent(""), 0U);
}

}  // namespace
}  // namespace slicemill
