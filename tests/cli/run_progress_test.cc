#include "cli/run_progress.h"

#include <gtest/gtest.h>

namespace slicemill::cli {
namespace {

TEST(RunProgress, NumbersAreGrouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(12'345'678), "12,345,678");
}

TEST(RunProgress, TheLineReadsTheControllersFigures) {
  EXPECT_EQ(progress_text("running",
                          R"({"processed": 1200, "failed": 2, "queued": 4, "records_in": 100000, "records_out": 9})"),
            "running: 1,200 slices done, 2 failed, 4 queued, 100,000 records in, 9 out");
  EXPECT_EQ(progress_text("initializing", ""), "initializing: 0 slices done, 0 failed, 0 queued, 0 records in, 0 out");
}

TEST(RunProgress, TheSummaryHasCountsRateAndOutput) {
  LedgerCounters counters;
  counters.processed = 3;
  counters.failed = 1;
  counters.records_in = 5000;
  counters.records_out = 4000;
  EXPECT_EQ(closing_summary("ex", ExecutionStatus::failed, counters, std::chrono::milliseconds(2500), "/out"),
            "execution ex failed: 3 slices, 1 failed, 5,000 records in, 4,000 records out, 2.50 s, 2,000 records/s, "
            "output /out");
  EXPECT_EQ(closing_summary("ex", ExecutionStatus::completed, {}, std::chrono::milliseconds(0), ""),
            "execution ex completed: 0 slices, 0 failed, 0 records in, 0 records out, 0.00 s, 0 records/s");
  EXPECT_EQ(closing_summary("ex", ExecutionStatus::completed, {.quarantined = 1234}, std::chrono::milliseconds(0), ""),
            "execution ex completed: 0 slices, 0 failed, 0 records in, 0 records out, 1,234 quarantined, 0.00 s, 0 "
            "records/s");
}

TEST(RunProgress, APathDoesNotActOnATerminal) {
  const std::string text =
      closing_summary("ex", ExecutionStatus::completed, {}, std::chrono::milliseconds(0), "/out/\x1b[2Ja\nb");
  EXPECT_TRUE(text.ends_with(", output /out/\\x1b[2Ja\\nb")) << text;
}

TEST(RunProgress, WithoutATerminalNothingIsWrittenOver) {
  testing::internal::CaptureStderr();
  RunProgress progress(false);
  progress.show("running", "{}");  // the first line comes after five seconds
  progress.end();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  RunProgress on_terminal(true);
  on_terminal.show("running", "{}");
  on_terminal.end();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("running: 0 slices done"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\x1b[K"));
}

}  // namespace
}  // namespace slicemill::cli
