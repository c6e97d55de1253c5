#include "slicer/composite_slicer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

JobSpec id_job(std::int64_t end, std::int64_t slices) {
  return {.plan = {{.name = "id_range", .options = {{"start", 0}, {"end", end}, {"size", 10}}},
                   {.name = "collect", .options = {{"size", 5}, {"slices", slices}}},
                   {.name = "noop"}}};
}

SlicerContext context_of(const JobSpec& job) {
  return {.job = job, .options = job.plan.nodes[0].operation.options};
}

// All requests; with `anew` every turn is made by a new slicer from the stored position.
std::vector<std::string> requests(const JobSpec& job, bool anew) {
  std::vector<std::string> all;
  auto slicer = make_source_slicer(job.plan, 0);
  EXPECT_TRUE(slicer->open(context_of(job), ""));
  while (true) {
    auto turn = slicer->next(1);
    EXPECT_TRUE(turn);
    if (!turn) return all;
    for (const auto& requests : turn->runs) {
      const SliceRun run{.requests = requests};
      for (std::uint64_t i = 0; i < run.count(); ++i) all.push_back(run.request(i));
    }
    if (turn->finished) return all;
    if (!anew) continue;
    slicer = make_source_slicer(job.plan, 0);
    EXPECT_TRUE(slicer->open(context_of(job), turn->position));
  }
}

TEST(CompositeSlicer, JoinsConsecutiveRequests) {
  const auto all = requests(id_job(45, 2), false);
  ASSERT_EQ(all.size(), 3U);
  std::vector<std::string> plain = requests(id_job(45, 1), false);
  ASSERT_EQ(plain.size(), 5U);
  EXPECT_EQ(all[0], "{\"members\":[" + plain[0] + "," + plain[1] + "]}");
  EXPECT_EQ(all[2], "{\"members\":[" + plain[4] + "]}");
}

TEST(CompositeSlicer, GoesOnFromAnyPositionAsIfItHadNeverStopped) {
  // More slices than one run has, and a number of members that does not divide it.
  const auto job = id_job(250'000, 7);
  const auto whole = requests(job, false);
  EXPECT_EQ(whole.size(), (25'000U + 6) / 7);
  EXPECT_EQ(requests(job, true), whole);
}

TEST(CompositeSlicer, RefusesPositionsThatAreNotItsOwn) {
  const auto job = id_job(100, 2);
  for (const char* position : {"x", "{}", R"({"inner":1,"rest":[]})", R"({"inner":"","rest":[1]})"}) {
    const auto opened = make_source_slicer(job.plan, 0)->open(context_of(job), position);
    ASSERT_FALSE(opened) << position;
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
  }
}

TEST(CompositeSlicer, PositionsFitOnlyJobsThatJoinToo) {
  EXPECT_EQ(position_mismatch(id_job(100, 2), id_job(100, 3)), "");
  EXPECT_THAT(position_mismatch(id_job(100, 1), id_job(100, 2)), HasSubstr("collect"));
  EXPECT_THAT(position_mismatch(id_job(100, 2), id_job(100, 1)), HasSubstr("collect"));
  auto other = id_job(100, 2);
  other.plan.nodes[0].operation.options["size"] = 20;
  EXPECT_THAT(position_mismatch(id_job(100, 2), other), HasSubstr("size"));
}

}  // namespace
}  // namespace slicemill
