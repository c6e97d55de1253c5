#include "cli/run_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/client/documents.h"
#include "cli/run_summary.h"
#include "core/model/stats_v0.h"

namespace slicemill::cli {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

const Json& known_stats() {
  static const Json stats = Json::parse(
      R"({"processed": 1200, "failed": 2, "queued": 4, "records_in": 100000, "records_out": 9, "progress":
          {"percent": 41.3, "done": 5, "total": 9, "unit": "bytes", "rate": 84120, "bytes_rate": 12300000,
           "bytes_of": "input", "eta": 100, "eta_low": 90, "eta_high": 115.4,
           "slowest": {"op": "script", "order": 1, "share": 0.712}, "workers": 3, "workers_wanted": 4,
           "failures": 2}})");
  return stats;
}

Stats figures(const Json& stats) {
  return *stats_from_json(to_compact_text(stats));
}

Json with(const std::string& name, const Json& value) {
  Json stats = known_stats();
  stats["progress"][name] = value;
  return stats;
}

TEST(RunProgress, NumbersAreGrouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(12'345'678), "12,345,678");
}

TEST(RunProgress, AmountsAndTimesAreShort) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1'250), "1.2 KB");
  EXPECT_EQ(bytes_text(12'300'000), "12 MB");
  EXPECT_EQ(bytes_text(7.2e9), "7.2 GB");
  EXPECT_EQ(bytes_text(7.2e12), "7.2 TB");
  EXPECT_EQ(seconds_text(0.4), "0s");
  EXPECT_EQ(seconds_text(59.4), "59s");
  EXPECT_EQ(seconds_text(100), "1m40s");
  EXPECT_EQ(seconds_text(124), "2m05s") << "to five seconds";
  EXPECT_EQ(seconds_text(11 * 60 + 40), "12m");
  EXPECT_EQ(seconds_text(2 * 3600 + 5 * 60), "2h05m");
  EXPECT_EQ(seconds_text(3 * 86400 + 4 * 3600), "3d4h");
}

TEST(RunProgress, DocumentsTellTheSame) {
  Json execution = {{"_status", "running"}, {"progress", known_stats()["progress"]}, {"_slicer_stats", known_stats()}};
  EXPECT_EQ(progress_of_document(execution),
            "41.3 %, 84,120 records/s, 12 MB/s, ETA 1m40s (1m30s to 1m55s), slowest script 71%, 3/4 workers");
  EXPECT_EQ(progress_of_document({{"_status", "running"}}), "");
  // Failed slices are not done once nobody tries them any more.
  execution["progress"]["percent"] = 99.9;
  execution["_slicer_stats"] = {{"processed", 4}, {"failed", 1}};
  EXPECT_DOUBLE_EQ(*percent_done(execution), 99.9);
  execution["_status"] = "failed";
  EXPECT_DOUBLE_EQ(*percent_done(execution), 99.9 * 3 / 4);
  execution["_slicer_stats"]["processed"] = 1;
  EXPECT_DOUBLE_EQ(*percent_done(execution), 0);
  execution["_slicer_stats"]["processed"] = execution["_slicer_stats"]["failed"] = 0;
  EXPECT_DOUBLE_EQ(*percent_done(execution), 99.9);
  execution["progress"]["percent"] = nullptr;
  EXPECT_FALSE(percent_done(execution));
}

TEST(RunProgress, TheBarHasAllThatIsKnown) {
  EXPECT_EQ(progress_bar("running", figures(known_stats()), 150, false),
            "[===============                       ]  41.3%  2 failed  ETA 1m40s (1m30s to 1m55s)  84,120 records/s  "
            "12 MB/s  slowest script 71%  3/4 workers");
  EXPECT_THAT(progress_bar("paused", figures(known_stats()), 150, false), HasSubstr("41.3%  paused  2 failed"));
  EXPECT_THAT(progress_bar("running", figures(with("failures", 0)), 150, false), Not(HasSubstr("failed")));
  EXPECT_THAT(progress_bar("running", figures(with("bytes_of", "output")), 150, false), HasSubstr("12 MB/s out"));
  EXPECT_THAT(progress_bar("running", figures(with("eta", nullptr)), 150, false), Not(HasSubstr("ETA")));
}

TEST(RunProgress, WhatIsNotKnownIsNotDrawn) {
  EXPECT_EQ(progress_bar("initializing", figures(Json::object()), 100, false), "0 slices done  initializing");
  Json stats = with("percent", nullptr);
  EXPECT_THAT(progress_bar("running", figures(stats), 150, false), testing::StartsWith("5 B done  2 failed"));
  stats["progress"]["unit"] = "records";
  stats["progress"]["done"] = 12345u;
  EXPECT_THAT(progress_bar("running", figures(stats), 150, false), testing::StartsWith("12,345 records done"));
  stats["progress"]["unit"] = "slices";
  EXPECT_THAT(progress_bar("running", figures(stats), 150, false), testing::StartsWith("1,200 slices done"));
}

TEST(RunProgress, TheBarFitsAnyWidth) {
  for (std::size_t width = 1; width < 200; ++width) {
    const std::string bar = progress_bar("recovering", figures(known_stats()), width, false);
    EXPECT_LE(bar.size(), width);
    EXPECT_TRUE(width < 5 || bar.find("41.3%") != std::string::npos) << width << bar;
  }
  EXPECT_EQ(progress_bar("running", figures(known_stats()), 25, false), "[==    ]  41.3%  2 failed");
  EXPECT_EQ(progress_bar("running", figures(known_stats()), 24, false), "[======         ]  41.3%");
}

TEST(RunProgress, ColoursDoNotCount) {
  const std::string bar = progress_bar("running", figures(known_stats()), 150, true);
  EXPECT_THAT(bar, HasSubstr("[\x1b[32m===============\x1b[0m   "));
  EXPECT_THAT(bar, HasSubstr("\x1b[31m2 failed\x1b[0m"));
}

TEST(RunProgress, NamesDoNotActOnATerminal) {
  const Json stats = with("slowest", {{"op", "a\x1b[2J"}, {"share", 0.5}});
  EXPECT_THAT(progress_bar("running", figures(stats), 200, false), HasSubstr("slowest a\\x1b[2J 50%"));
}

TEST(RunProgress, TheLineReadsTheControllersFigures) {
  EXPECT_EQ(progress_line("running", figures(known_stats())),
            "running, 41.3 %, 1,200 slices done, 2 failed, 100,000 records in, 84,120 records/s, 12 MB/s, "
            "ETA 1m40s (1m30s to 1m55s), slowest script 71%, 3/4 workers");
  EXPECT_EQ(progress_line("initializing", figures(Json::object())),
            "initializing, 0 slices done, 0 failed, 0 records in");
}

TEST(RunProgress, LinesComeEveryTenSecondsOrTenPercent) {
  const auto begin = std::chrono::steady_clock::now();
  RunProgress progress(ProgressForm::lines);
  const auto shown = [&](std::int64_t ms, double percent) {
    testing::internal::CaptureStderr();
    progress.show("running", figures(with("percent", percent)), begin + milliseconds(ms));
    return !testing::internal::GetCapturedStderr().empty();
  };
  EXPECT_FALSE(shown(500, 1));
  EXPECT_FALSE(shown(1'000, 9.9));
  EXPECT_TRUE(shown(1'500, 10));
  EXPECT_FALSE(shown(2'000, 19));
  EXPECT_FALSE(shown(11'000, 19));
  EXPECT_TRUE(shown(11'600, 19)) << "ten seconds later";
  EXPECT_TRUE(shown(11'700, 45));
}

TEST(RunProgress, TheEndIsLeftToTheSummary) {
  const auto begin = std::chrono::steady_clock::now();
  for (const ProgressForm form : {ProgressForm::lines, ProgressForm::bar})
    for (const std::string_view status : {"completed", "failed", "stopped", "terminated", "rejected"}) {
      RunProgress progress(form);
      testing::internal::CaptureStderr();
      progress.show(status, figures(with("percent", 100)), begin + milliseconds(20'000));
      EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << status;
    }
}

TEST(RunProgress, ABarIsDrawnFiveTimesASecondAtMostAndLeavesNothing) {
  const auto begin = std::chrono::steady_clock::now();
  RunProgress progress(ProgressForm::bar);
  const auto drawn = [&](std::int64_t ms) {
    testing::internal::CaptureStderr();
    progress.show("running", figures(known_stats()), begin + milliseconds(ms));
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(drawn(0), testing::StartsWith("\r\x1b[K\x1b[?7l["));
  EXPECT_EQ(drawn(199), "");
  EXPECT_NE(drawn(200), "");
  testing::internal::CaptureStderr();
  progress.end();
  progress.end();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "\r\x1b[K");
}

TEST(RunProgress, WithoutProgressNothingIsSaid) {
  testing::internal::CaptureStderr();
  RunProgress progress(ProgressForm::none);
  progress.show("running", figures(known_stats()), std::chrono::steady_clock::now() + std::chrono::hours(1));
  progress.end();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(RunSummary, TheFirstLineHasCountsRateAndOutput) {
  SliceCounters counters;
  counters.processed = 3;
  counters.failed = 1;
  counters.records_in = 5000;
  counters.records_out = 4000;
  EXPECT_EQ(closing_line("ex", ExecutionStatus::failed, counters, milliseconds(2500), "/out"),
            "execution ex failed: 3 slices, 1 failed, 5,000 records in, 4,000 records out, 2.50 s, 2,000 records/s, "
            "output /out");
  EXPECT_EQ(closing_line("ex", ExecutionStatus::completed, {}, milliseconds(0), ""),
            "execution ex completed: 0 slices, 0 failed, 0 records in, 0 records out, 0.00 s, 0 records/s");
  EXPECT_EQ(closing_line("ex", ExecutionStatus::completed, {.quarantined = 1234}, milliseconds(0), ""),
            "execution ex completed: 0 slices, 0 failed, 0 records in, 0 records out, 1,234 quarantined, 0.00 s, 0 "
            "records/s");
}

TEST(RunSummary, APathDoesNotActOnATerminal) {
  const std::string text = closing_line("ex", ExecutionStatus::completed, {}, milliseconds(0), "/out/\x1b[2Ja\nb");
  EXPECT_TRUE(text.ends_with(", output /out/\\x1b[2Ja\\nb")) << text;
}

TEST(RunSummary, StepsInputQuarantineAndFirstError) {
  const Json summary = Json::parse(R"json({"ex_id": "ex", "quarantined": 2, "resumed": null,
      "steps": [{"op": "file_reader", "records_in": null, "records_out": 200000, "share": 0.41},
                {"op": "filter", "records_in": 200000, "records_out": 0, "share": 0.59}],
      "notices": ["/in: left out 1 pipe (p)"],
      "first_error": {"error": "no object", "file": "/in/a", "bytes": [10, 30], "place": null, "record": "[1]",
                      "quarantined": false}})json");
  EXPECT_EQ(summary_text(summary),
            "  STEP         RECORDS IN  RECORDS OUT  TIME\n"
            "  file_reader                  200,000   41%\n"
            "  filter          200,000            0   59%\n"
            "  input: /in: left out 1 pipe (p)\n"
            "  quarantined: 2 records; see `slicemill quarantine ex`\n"
            "  first error: /in/a (slice: bytes 10 to 30): no object; record: [1]\n");
  EXPECT_EQ(summary_text(Json()), "");
  EXPECT_EQ(summary_text(Json::object()), "");
}

}  // namespace
}  // namespace slicemill::cli
