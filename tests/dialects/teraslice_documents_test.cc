#include "api/dialects/teraslice/teraslice_documents.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/model/end_reason.h"

namespace slicemill::api::teraslice {
namespace {

std::string member(const JsonMembers& members, std::string_view name) {
  for (const auto& [key, value] : members)
    if (key == name) return value;
  return "";
}

TEST(TerasliceDocuments, ReasonsHaveTheWordsThatItsClientsMatchOn) {
  const JobDialect& dialect = job_dialect();
  const ExecutionId id("e1");
  EXPECT_EQ(dialect.shown_reason(id, to_text(SlicesFailed{1, ""})),
            "execution: e1 had 1 slice failure during processing");
  EXPECT_EQ(dialect.shown_reason(id, to_text(SlicesFailed{2, "broken"})),
            "execution: e1 had 2 slice failures during processing; the first: broken");
  EXPECT_EQ(dialect.shown_reason(id, to_text(SourceFailed{"no such file"})),
            "slicer for ex e1 had an error, shutting down execution, caused by Error: no such file");
  EXPECT_EQ(dialect.shown_reason(id, to_text(SliceHasFailed{false})),
            "execution e1 has encountered a processing error, reason: slice failure event");
  EXPECT_EQ(dialect.shown_reason(id, to_text(SliceHasFailed{true})),
            "execution e1 has encountered a processing error, reason: slice failure watch dog");
  EXPECT_EQ(dialect.shown_reason(id, "its controller died 11 times"), "its controller died 11 times");
  EXPECT_EQ(dialect.shown_reason(id, ""), "");
}

TEST(TerasliceDocuments, OfAnExecutionThatEndedProgressHasNoRates) {
  ExecutionFacts facts{.ex_id = ExecutionId("e1"), .status = ExecutionStatus::running, .stats = Stats()};
  facts.stats->progress = {.percent = 50, .records_per_second = 10, .remaining = RemainingTime{1, 1, 1}};
  facts.stats->summary = RunSummary{.ex_id = "e1"};
  facts.live_progress = Progress{.percent = 60, .records_per_second = 11};
  JsonMembers members = job_dialect().execution_members(facts);
  EXPECT_EQ(Json::parse(member(members, "progress"))["percent"], 60);
  EXPECT_EQ(Json::parse(member(members, "progress"))["rate"], 11);
  EXPECT_EQ(member(members, "summary"), "");
  facts.status = ExecutionStatus::completed;
  members = job_dialect().execution_members(facts);
  EXPECT_EQ(Json::parse(member(members, "progress"))["percent"], 50);
  EXPECT_TRUE(Json::parse(member(members, "progress"))["rate"].is_null());
  EXPECT_EQ(Json::parse(member(members, "summary"))["ex_id"], "e1");
  facts.stats.reset();
  members = job_dialect().execution_members(facts);
  EXPECT_TRUE(Json::parse(member(members, "progress"))["unit"].is_null());
  EXPECT_EQ(member(members, "_slicer_stats"), "{}");
}

}  // namespace
}  // namespace slicemill::api::teraslice
