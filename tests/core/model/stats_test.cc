#include "core/model/stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/model/stats_json.h"
#include "core/model/stats_v0.h"
#include "core/runtime/json.h"

namespace slicemill {
namespace {

// Every field has a value of its own.
Stats full_stats() {
  Stats stats{.slices = {1, 2, 3, 4, 5, 6, 7, 8, 9},
              .workers = {10, 7, 12, 13, 14},
              .speculation = {15, 16},
              .queued = 17,
              .in_flight = 18,
              .slicers = 19,
              .started = 1'700'000'000'123,
              .queuing_complete = 1'700'000'001'000,
              .finished = 1'700'000'004'999,
              .obstacle = ObstacleView{"output", "no space", 1'700'000'002'000, 21},
              .operations = {{"file_reader", 0, 22, 23, std::nullopt, {24, 25, 26'000}, 0.25},
                             {"a \"b\"", 1, 22, 23, 24, {27, 28, 29'500}, std::nullopt}},
              .progress = {.percent = 12.3,
                           .done = 30,
                           .total = 31,
                           .unit = "bytes",
                           .records_per_second = 1234.56,
                           .bytes_per_second = 1.25,
                           .are_bytes_of_input = true,
                           .remaining = RemainingTime{90.04, 80, 110},
                           .slowest = SlowestOperation{"script", 1, 0.8},
                           .workers = 32,
                           .workers_wanted = 33,
                           .failures = 34},
              .first_error = FirstErrorView{"broken", "/in/a", ByteRange{35, 36}, "byte 37", "{}", 38, 39, true},
              .notices = {"left out", "and 4 more"},
              .summary = RunSummary{"e1",
                                    "a job",
                                    "failed",
                                    "why",
                                    1'700'000'000'000,
                                    1'700'000'003'000,
                                    1'700'000'005'000,
                                    40,
                                    {"remark"},
                                    "/out"}};
  return stats;
}

TEST(Stats, AreReadAsTheyWereStored) {
  for (const Stats& stats : {Stats(), full_stats()}) {
    const auto again = decode_stats(encode_stats(stats));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, stats);
  }
}

TEST(Stats, WhatIsNoneOfThemIsCorrupt) {
  const std::string bytes = encode_stats(full_stats());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(decode_stats(bytes.substr(0, size)).error().code, ErrorCode::corrupt) << size;
  EXPECT_FALSE(decode_stats(bytes + "x"));
  EXPECT_FALSE(decode_stats("\x02" + bytes.substr(1))) << "of a newer program";
  EXPECT_FALSE(decode_stats("{\"processed\""));
}

TEST(Stats, EachCounterHasItsNameOnce) {
  SliceCounters counters;
  std::uint64_t next = 1;
  for (const SliceCounterField& field : kSliceCounters) counters.*field.value = next++;
  EXPECT_EQ(counters, (SliceCounters{1, 2, 3, 4, 5, 6, 7, 8, 9})) << "in the order of the structure, all of them";
}

TEST(Stats, RunSecondsAreWholeAndAtLeastOne) {
  EXPECT_EQ(run_seconds({}), std::nullopt);
  EXPECT_EQ(run_seconds({.started = 1000, .finished = 1001}), 1);
  EXPECT_EQ(run_seconds({.started = 1000, .finished = 3999}), 2);
}

TEST(Stats, OfOlderProgramsAreReadFromTheirJson) {
  const auto stats = stats_from_json(
      R"({"workers_available":1,"workers_active":2,"workers_joined":3,"failed":4,"queued":5,"processed":6,)"
      R"("started":"2026-01-02T03:04:05.678Z","job_duration":7,"records_in":8,"speculated":9,"notices":["a"],)"
      R"("operations":[{"op":"x","order":0,"slices":1,"measured":1,"records_in":null,"records":2,"time_ms":12.345,)"
      R"("share":1.0,"bytes":3}],"progress":{"percent":50.0,"unit":"records","eta":null},)"
      R"("summary":{"ex_id":"e1","name":"n","started":"2026-01-02T03:04:05.000Z","ended":"2026-01-02T03:04:09.000Z",)"
      R"("resumed":null,"output":"/out"}})");
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(stats->workers, (WorkerCounts{.connected = 3, .active = 2, .joined = 3}));
  EXPECT_EQ(stats->slices, (SliceCounters{.processed = 6, .failed = 4, .records_in = 8}));
  EXPECT_EQ(to_iso(stats->started), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(run_seconds(*stats), 7);
  EXPECT_EQ(stats->speculation.begun, 9U);
  EXPECT_EQ(Json::parse(operations_json(stats->operations))[0]["time_ms"], 12.345);
  EXPECT_EQ(stats->progress.percent, 50.0);
  EXPECT_FALSE(stats->progress.remaining);
  const Json summary = Json::parse(summary_json(*stats));
  EXPECT_EQ(summary["started"], "2026-01-02T03:04:05.000Z");
  EXPECT_EQ(summary["seconds"], 4);
  EXPECT_EQ(summary["output"], "/out");
  EXPECT_TRUE(summary["resumed"].is_null());
  EXPECT_EQ(stats->notices, std::vector<std::string>{"a"});
}

TEST(Stats, OfOlderProgramsWhatIsOfAnotherTypeIsNothing) {
  for (const char* text : {"{}", R"({"processed":"3","progress":[],"operations":{},"notices":[1],"summary":1})",
                           R"({"processed":-3,"first_error":{"error":1},"started":"soon"})"}) {
    const auto stats = stats_from_json(text);
    ASSERT_TRUE(stats) << text;
    EXPECT_EQ(*stats, Stats()) << text;
  }
  EXPECT_EQ(stats_from_json("[]").error().code, ErrorCode::corrupt);
}

TEST(StatsJson, OfProgressWhatIsNotKnownIsNull) {
  const Json nothing = Json::parse(progress_json({}));
  for (const char* name : {"percent", "total", "rate", "bytes_rate", "eta", "eta_low", "eta_high", "slowest"})
    EXPECT_TRUE(nothing.at(name).is_null()) << name;
  const std::string known = progress_json({.percent = 12.3,
                                           .done = 5,
                                           .total = 40,
                                           .unit = "bytes",
                                           .records_per_second = 1234.56,
                                           .bytes_per_second = 1.25,
                                           .are_bytes_of_input = true,
                                           .remaining = RemainingTime{90.04, 80, 110},
                                           .slowest = SlowestOperation{"script", 1, 0.8},
                                           .workers = 3,
                                           .workers_wanted = 4,
                                           .failures = 2});
  EXPECT_EQ(known,
            R"({"percent":12.3,"done":5,"total":40,"unit":"bytes","rate":1235,"bytes_rate":1.3,"bytes_of":"input",)"
            R"("eta":90,"eta_low":80,"eta_high":110,"slowest":{"op":"script","order":1,"share":0.8},)"
            R"("workers":3,"workers_wanted":4,"failures":2})");
}

TEST(StatsJson, ProgressIsReadAgain) {
  const Progress progress = full_stats().progress;
  const Progress again = progress_from_json(Json::parse(progress_json(progress)));
  EXPECT_EQ(again.percent, progress.percent);
  EXPECT_EQ(again.total, progress.total);
  EXPECT_EQ(again.records_per_second, 1235) << "rounded";
  EXPECT_EQ(again.remaining, (RemainingTime{90, 80, 110}));
  EXPECT_EQ(again.slowest, progress.slowest);
  EXPECT_EQ(progress_from_json(Json::parse(progress_json({}))).percent, std::nullopt);
}

TEST(StatsJson, TheSummaryCountsWhatTheLastControllerRead) {
  EXPECT_EQ(summary_json({}), "{}");
  const Json summary = Json::parse(summary_json(full_stats()));
  EXPECT_EQ(summary["seconds"], 2) << "since it was resumed";
  EXPECT_EQ(summary["records_per_second"], 0) << "earlier ones read more than all";
  EXPECT_EQ(summary["steps"][1]["op"], "a \"b\"");
  EXPECT_EQ(summary["steps"][0]["time_ms"], 0.026);
  EXPECT_EQ(summary["first_error"]["bytes"], Json::array({35, 36}));
  EXPECT_EQ(summary["slices"].dump(), R"({"processed":1,"failed":2,"retries":6})");
}

}  // namespace
}  // namespace slicemill
