#include "cli/client/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr WallMs kToldAt = 1'795'521'600'000;

Evidence evidence(const std::string& status, Json stats = Json::object()) {
  Evidence out;
  out.now = kToldAt;
  out.execution = {{"ex_id", "e1"},       {"name", "nightly"},
                   {"_status", status},   {"_created", to_iso(kToldAt - 600'000)},
                   {"workers", 4},        {"_slicer_stats", std::move(stats)},
                   {"_failureReason", ""}};
  out.history = {{{"time", to_iso(kToldAt - 300'000)}, {"from", "x"}, {"event", "e"}, {"to", status}, {"reason", ""}}};
  return out;
}

std::string told(const Evidence& of) {
  return join(explanation(of), "\n");
}

TEST(Explanation, BeginsWithTheStatusAndItsAge) {
  EXPECT_THAT(told(evidence("running")),
              HasSubstr("Execution e1 of job 'nightly' has been running for 5 min; it was submitted 10 min ago."));
}

TEST(Explanation, ItWaitsForSlots) {
  Evidence of = evidence("pending");
  of.cluster = {{"node", {{"total", 8}, {"available", 0}}}};
  EXPECT_THAT(told(of), HasSubstr("waits for a free worker slot: all 8 are taken"));
  of.cluster = {{"node", {{"total", 8}, {"available", 3}}}};
  EXPECT_THAT(told(of), HasSubstr("3 of 8 worker slots are free"));
}

TEST(Explanation, ARecoveryIsAdvisedOnlyWhereItHelps) {
  Evidence of = evidence("failed", {{"processed", 2}, {"failed", 1}});
  of.place = " --master h:1";
  of.errors = {{{"error", "operations[1] script: no answer"}}};
  EXPECT_THAT(told(of), HasSubstr("`slicemill recover e1 --master h:1` goes on"));
  of.errors = {{{"error", "operations[0] file_reader: /in/a: byte 12: expected a value"}}};
  EXPECT_THAT(told(of), HasSubstr("Mend the file and submit the job anew"));
  EXPECT_THAT(told(of), Not(HasSubstr("slicemill recover")));
}

TEST(Explanation, WithoutAMasterTheCommandsAreThoseOfADataDirectory) {
  Evidence of = evidence("interrupted", {{"processed", 2}, {"failed", 0}});
  of.is_stored = true;
  of.place = " --data /d";
  EXPECT_THAT(told(of), HasSubstr("2 slices were done, 0 failed; `slicemill run --resume e1 --data /d` goes on"));
  of.execution["_status"] = "running";
  EXPECT_THAT(told(of), HasSubstr("`slicemill logs e1 -f --data /d`"));
}

TEST(Explanation, WhereTheTimeGoes) {
  Json stats = {{"processed", 10}, {"failed", 0},         {"in_flight", 4},        {"queued", 20},
                {"retries", 1},    {"workers_active", 4}, {"workers_available", 0}};
  stats["operations"] = {{{"op", "file_reader"}, {"time_ms", 10}}, {{"op", "script"}, {"time_ms", 90.5}}};
  std::string text = told(evidence("running", stats));
  EXPECT_THAT(text, HasSubstr("10 slices are done, 0 failed, 4 in flight, 20 wait."));
  EXPECT_THAT(text, HasSubstr("All 4 workers are busy while slices wait"));
  stats["workers_active"] = 1;
  EXPECT_THAT(told(evidence("running", stats)), HasSubstr("Its only worker is busy while slices wait"));
  EXPECT_THAT(text, HasSubstr("the operation script (90 %)"));
  EXPECT_THAT(text, HasSubstr("1 try was repeated"));
  stats["queued"] = 0;
  stats["workers_active"] = 1;
  stats["workers_available"] = 2;
  text = told(evidence("running", stats));
  EXPECT_THAT(text, HasSubstr("Only 3 of 4 workers are connected."));
  EXPECT_THAT(text, HasSubstr("2 workers have no work: cutting slices"));
  stats["queuing_complete"] = to_iso(kToldAt);
  EXPECT_THAT(told(evidence("running", stats)), HasSubstr("the last ones are running"));
  stats["workers_active"] = stats["workers_available"] = 0;
  EXPECT_THAT(told(evidence("running", stats)), HasSubstr("No worker is connected, 4 are wanted"));
}

TEST(Explanation, WhyItFailed) {
  Evidence of = evidence("failed", {{"processed", 1},
                                    {"failed", 3},
                                    {"job_duration", 5},
                                    {"quarantined", 2},
                                    {"started", to_iso(kToldAt - 10'000)}});
  of.execution["_failureReason"] = "slicer for ex e1 had an error, shutting down execution, caused by Error: no disk";
  of.history.back()["reason"] = of.execution["_failureReason"];
  of.errors = {{{"error", "too long"}}, {{"error", "x, caused by Error: bad"}}, {{"error", "too long"}}};
  const std::string text = told(of);
  EXPECT_THAT(text, HasSubstr("The reason: no disk."));
  EXPECT_THAT(text, HasSubstr("2 slices failed with: too long."));
  EXPECT_THAT(text, HasSubstr("1 slice failed with: bad."));
  EXPECT_THAT(text, HasSubstr("2 records were set aside"));
  EXPECT_THAT(text, HasSubstr("slicemill recover e1"));
  EXPECT_THAT(text, Not(HasSubstr("caused by")));
  EXPECT_THAT(text, Not(HasSubstr("Before, it became")));
  EXPECT_THAT(text, HasSubstr("If it is the job that is to be mended, add `--job FILE` to that."));
  EXPECT_THAT(text, HasSubstr("3 failed in 5 s;"));
  of.execution["summary"] = {{"seconds", 0.25}};
  EXPECT_THAT(told(of), HasSubstr("3 failed in 250 ms;"));
}

// A history has the end, and the status that failed slices cause, in words of its own.
TEST(Explanation, WhatFailedIsToldOnce) {
  Evidence of = evidence("failed", {{"processed", 1}, {"failed", 1}});
  of.execution["_failureReason"] = "execution: e1 had 1 slice failure during processing; the first: bad";
  of.history.back()["reason"] = "1 slice failed; the first: bad";
  of.history.insert(of.history.begin(),
                    {{"time", to_iso(kToldAt)}, {"to", "failing"}, {"reason", "a slice has failed"}});
  EXPECT_THAT(told(of), Not(HasSubstr("Before, it became")));
}

TEST(Explanation, EarlierTroubleIsTold) {
  Evidence of = evidence("running");
  const Json killed = {{"time", to_iso(kToldAt)}, {"to", "scheduling"}, {"reason", "the controller was killed"}};
  of.history.insert(of.history.begin(), killed);
  EXPECT_THAT(told(of),
              HasSubstr("Before, it became scheduling at 2026-11-24T12:00:00.000Z: the controller was killed"));
}

TEST(Explanation, EveryStatusIsExplained) {
  for (const char* status : {"pending", "scheduling", "initializing", "recovering", "running", "failing", "paused",
                             "stopping", "completed", "stopped", "rejected", "failed", "terminated", "unheard-of"}) {
    const auto sentences = explanation(evidence(status));
    EXPECT_GE(sentences.size(), 2U) << status;
    for (const std::string& sentence : sentences) EXPECT_TRUE(sentence.ends_with('.')) << sentence;
  }
  Evidence nothing;
  EXPECT_FALSE(explanation(nothing).empty());
  EXPECT_THAT(told(nothing), Not(HasSubstr("of job")));
}

}  // namespace
}  // namespace slicemill::cli
