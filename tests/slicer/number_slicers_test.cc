#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "slicer/number_run.h"
#include "slicer/slicer.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

SlicerContext context(const std::string& options, bool persistent = false) {
  SlicerContext made;
  made.options = Json::parse(options);
  made.persistent = persistent;
  return made;
}

std::unique_ptr<Slicer> opened(const char* reader, const SlicerContext& with, const std::string& position = "") {
  auto slicer = make_slicer(reader);
  const auto done = slicer->open(with, position);
  EXPECT_TRUE(done) << done.error().message;
  return slicer;
}

// Expanded the way the ledger does.
std::vector<std::string> requests(const SliceBatch& turn) {
  std::vector<std::string> all;
  for (const auto& requests : turn.runs) {
    SliceRun run;
    run.requests = requests;
    for (std::uint64_t i = 0; i < run.count(); ++i) all.push_back(run.request(i));
  }
  return all;
}

TEST(NumberSlicers, OnlyAPersistentGeneratorIsEndless) {
  EXPECT_TRUE(opened("data_generator", context(R"({"size":10})", true))->is_endless());
  EXPECT_TRUE(opened("test-reader", context("{}", true))->is_endless());
  EXPECT_FALSE(opened("data_generator", context(R"({"size":10})"))->is_endless());
  EXPECT_FALSE(opened("test-reader", context("{}"))->is_endless());
  EXPECT_FALSE(opened("id_range", context(R"({"start":0,"end":9,"size":1})", true))->is_endless());
}

TEST(NumberSlicers, TellTheTotalFromAnywhere) {
  for (const char* position : {"", R"({"next":10000})"}) {
    EXPECT_EQ(opened("data_generator", context(R"({"size":25000,"slice_size":10})"), position)->next(1)->total,
              25'000U);
    EXPECT_EQ(opened("id_range", context(R"({"start":-5,"end":24995,"size":10})"), position)->next(1)->total, 25'000U);
  }
  std::uint64_t sum = 0;
  for (std::uint32_t slicer = 0; slicer < 3; ++slicer) {
    auto with = context(R"({"start":0,"end":1000,"size":7})");
    with.slicer = slicer;
    with.slicers = 3;
    sum += *opened("id_range", with)->next(1)->total;
  }
  EXPECT_EQ(sum, 1'000U);
  EXPECT_FALSE(opened("data_generator", context(R"({"size":10})", true))->next(1)->total);
  EXPECT_FALSE(opened("test-reader", context("{}"))->next(1)->total);
}

// All requests, with the slicer thrown away and opened again at its position after every turn.
std::vector<std::string> all_requests(const char* reader, const SlicerContext& with, std::size_t wanted, bool reopen) {
  std::vector<std::string> all;
  std::string position;
  auto slicer = opened(reader, with);
  for (int turns = 0; turns < 1000; ++turns) {
    if (reopen) slicer = opened(reader, with, position);
    auto turn = slicer->next(wanted);
    if (!turn) {
      ADD_FAILURE() << turn.error().message;
      break;
    }
    for (auto& request : requests(*turn)) all.push_back(std::move(request));
    position = turn->position;
    if (turn->finished) break;
  }
  return all;
}

TEST(IdRangeSlicer, CutsTheRangeWithoutGaps) {
  const auto with = context(R"({"start":-5,"end":6,"size":4})");
  EXPECT_THAT(all_requests("id_range", with, 10, false),
              ElementsAre(R"({"start":-5,"end":-1})", R"({"start":-1,"end":3})", R"({"start":3,"end":6})"));
}

TEST(IdRangeSlicer, SeveralShareTheRangeInWholeSlices) {
  const auto whole = context(R"({"start":-9223372036854775807,"end":-9223372036854775700,"size":10})");
  const auto expected = all_requests("id_range", whole, 10, false);
  EXPECT_THAT(expected, SizeIs(11));
  for (const std::uint32_t slicers : {2U, 3U, 11U, 16U}) {
    std::vector<std::string> shared;
    for (std::uint32_t slicer = 0; slicer < slicers; ++slicer) {
      auto part = whole;
      part.slicer = slicer;
      part.slicers = slicers;
      for (auto& request : all_requests("id_range", part, 10, slicers == 3)) shared.push_back(std::move(request));
    }
    EXPECT_EQ(shared, expected) << slicers;
  }
}

TEST(IdRangeSlicer, GoesOnExactlyWhereItStood) {
  const auto with = context(R"({"start":0,"end":100001,"size":2})");
  const auto straight = all_requests("id_range", with, 10'000, false);
  EXPECT_THAT(straight, SizeIs(50'001));
  EXPECT_EQ(straight.back(), R"({"start":100000,"end":100001})");
  EXPECT_EQ(straight, all_requests("id_range", with, 1, true));
}

TEST(IdRangeSlicer, RunsAreLongButNotEndless) {
  const auto slicer = opened("id_range", context(R"({"start":0,"end":1000000000,"size":1})"));
  const auto small = slicer->next(3);
  EXPECT_EQ(std::get<RangeRequests>(small->runs.at(0)).end, 10'000);
  EXPECT_EQ(small->position, R"({"next":10000})");
  EXPECT_FALSE(small->finished);
  const auto large = slicer->next(50'000);
  EXPECT_EQ(std::get<RangeRequests>(large->runs.at(0)).end, 60'000);
  EXPECT_THAT(slicer->next(0)->runs, IsEmpty());
}

TEST(IdRangeSlicer, AnEmptyRangeIsFinishedAtOnce) {
  const auto turn = opened("id_range", context(R"({"start":5,"end":5,"size":1})"))->next(10);
  EXPECT_THAT(turn->runs, IsEmpty());
  EXPECT_TRUE(turn->finished);
}

TEST(IdRangeSlicer, RefusesForeignPositions) {
  for (const auto* bad : {"x", "{}", R"({"next":"1"})", R"({"next":-1})", R"({"next":11})"}) {
    auto slicer = make_slicer("id_range");
    const auto done = slicer->open(context(R"({"start":0,"end":10,"size":1})"), bad);
    ASSERT_FALSE(done) << bad;
    EXPECT_EQ(done.error().code, ErrorCode::corrupt);
    EXPECT_THAT(done.error().message, HasSubstr(bad));
  }
}

TEST(NumberRun, DoesNotOverflow) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(run_end(0, kMost / 2, kMost, 10'000), kMost);
  EXPECT_EQ(run_end(std::numeric_limits<std::int64_t>::min(), kMost, kMost, 1), kMost);
  EXPECT_EQ(run_end(0, 1, kMost, SIZE_MAX), 1'000'000);
}

TEST(DataGeneratorSlicer, CountsToItsSize) {
  EXPECT_THAT(all_requests("data_generator", context(R"({"size":12000})"), 5, true),
              ElementsAre(R"({"processed":0,"count":5000})", R"({"processed":5000,"count":5000})",
                          R"({"processed":10000,"count":2000})"));
  EXPECT_THAT(all_requests("data_generator", context(R"({"size":3})"), 5, true),
              ElementsAre(R"({"processed":0,"count":3})"));
  EXPECT_THAT(all_requests("data_generator", context(R"({"size":3,"slice_size":2})"), 5, false), SizeIs(2));
}

TEST(DataGeneratorSlicer, PersistentNeverEnds) {
  const auto slicer = opened("data_generator", context(R"({"size":1000})", true));
  const auto first = slicer->next(2), second = slicer->next(1);
  EXPECT_THAT(requests(*first), ElementsAre(R"({"processed":0,"count":1000})", R"({"processed":1000,"count":1000})"));
  EXPECT_THAT(requests(*second), ElementsAre(R"({"processed":2000,"count":1000})"));
  EXPECT_FALSE(second->finished);
  EXPECT_EQ(second->idle_ms, 0);
  const auto again = opened("data_generator", context(R"({"size":1000})", true), second->position);
  EXPECT_THAT(requests(*again->next(1)), ElementsAre(R"({"processed":3000,"count":1000})"));
}

TEST(DataGeneratorSlicer, DelayPacesSlices) {
  const auto slicer = opened("data_generator", context(R"({"size":20,"slice_size":10,"delay":0.5})"));
  const auto first = slicer->next(100);
  EXPECT_THAT(requests(*first), SizeIs(1));
  EXPECT_EQ(first->idle_ms, 500);
  const auto last = slicer->next(100);
  EXPECT_TRUE(last->finished);
  EXPECT_EQ(last->idle_ms, 0);
}

TEST(NumberSlicers, NameTheOptionThatMovedThePosition) {
  const auto ids = make_slicer("id_range");
  const auto recovered = Json::parse(R"({"start":0,"end":10,"size":2,"_op":"id_range"})");
  EXPECT_EQ(ids->position_mismatch(recovered, recovered), "");
  EXPECT_EQ(ids->position_mismatch(recovered, Json::parse(R"({"start":0,"end":10,"size":3})")),
            "size is 3 now and was 2 in the recovered execution");
  const auto generator = make_slicer("data_generator");
  EXPECT_EQ(generator->position_mismatch(Json::parse(R"({"size":1,"seed":1})"), Json::parse(R"({"size":1,"seed":2})")),
            "");
  EXPECT_THAT(generator->position_mismatch(Json::parse(R"({"size":1})"), Json::parse(R"({"size":1,"slice_size":2})")),
              HasSubstr("slice_size"));
}

TEST(TestSlicer, GivesItsItemsOnceOrForEver) {
  EXPECT_THAT(all_requests("test-reader", context("{}"), 3, false), SizeIs(10));
  const auto path = testing::TempDir() + "slices." + std::to_string(::getpid());
  std::ofstream(path) << R"([{"a":1},[{"b":2}]])";
  const auto options = Json::object({{"slicer_data_file_path", path}}).dump();
  EXPECT_THAT(all_requests("test-reader", context(options), 1, false), ElementsAre(R"({"a":1})", R"([{"b":2}])"));
  const auto endless = opened("test-reader", context(options, true));
  EXPECT_THAT(requests(*endless->next(5)), SizeIs(2));
  const auto again = endless->next(5);
  EXPECT_THAT(requests(*again), SizeIs(2));
  EXPECT_FALSE(again->finished);
  EXPECT_FALSE(endless->is_recoverable());
}

TEST(TestSlicer, BadFilesAreNamed) {
  for (const auto* text : {"{}", "[1]", "[", ""}) {
    const auto path = testing::TempDir() + "bad-slices." + std::to_string(::getpid());
    std::ofstream(path) << text;
    auto slicer = make_slicer("test-reader");
    const auto done = slicer->open(context(Json::object({{"slicer_data_file_path", path}}).dump()), "");
    ASSERT_FALSE(done) << text;
    EXPECT_THAT(done.error().message, HasSubstr(path));
  }
}

TEST(SlicerRegistry, KnowsReadersByName) {
  for (const auto* reader : {"data_generator", "file_reader", "id_range", "test-reader"}) {
    EXPECT_NE(make_slicer(reader), nullptr) << reader;
    EXPECT_EQ(slicer_count(reader, 8), std::string_view(reader) == "id_range" ? 8U : 1U);
  }
  EXPECT_EQ(make_slicer("nothing"), nullptr);
  EXPECT_TRUE(make_slicer("id_range")->is_recoverable());
}

// For slicers that do not say which of their options matter.
class PlainSlicer final : public Slicer {
 public:
  Result<void> open(const SlicerContext&, const std::string&) override { return {}; }
  Result<SliceBatch> next(std::size_t) override { return SliceBatch(); }
};

TEST(Slicer, ByDefaultEveryOptionMatters) {
  PlainSlicer slicer;
  EXPECT_FALSE(slicer.on_completed({}, 1));
  const auto one = Json::parse(R"({"_op":"x","a":1})");
  EXPECT_EQ(slicer.position_mismatch(one, Json::parse(R"({"_op":"y","a":1})")), "");
  EXPECT_THAT(slicer.position_mismatch(one, Json::parse(R"({"_op":"x","a":2})")),
              testing::StartsWith("a of the reader differs"));
  EXPECT_THAT(slicer.position_mismatch(one, Json::parse(R"({"_op":"x","a":1,"b":2})")),
              testing::StartsWith("b of the reader differs"));
}

}  // namespace
}  // namespace slicemill
