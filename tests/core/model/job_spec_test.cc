#include "core/model/job_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/job_spec_v0.h"
#include "core/model/plan_draft.h"

namespace slicemill {
namespace {

using testing::HasSubstr;

JobSpec full_spec() {
  JobSpec spec;
  spec.dialect = "d";
  spec.ex_id = "e";
  spec.job_id = "j";
  spec.name = "n";
  spec.persistent = true;
  spec.workers = 4;
  spec.slicers = 2;
  spec.max_retries = 0;
  spec.probation_ms = 5;
  spec.measures = false;
  spec.goes_on = true;
  spec.most_quarantined = 0;
  spec.most_quarantined_percent = 2.5;
  spec.speculation = {true, 4, 5, 6};
  spec.log_level = "warn";
  spec.environment = {{"A", "b"}, {"C", "d"}};
  spec.worker_memory_limit = 64'000'000;
  spec.worker_cpu_limit = 0.5;
  spec.bundles = {{"aa", "tools", "1.0.0", "tools:1.x", "/assets/aa", {"cut"}}};
  spec.plan = {{"file_reader", "aa", {{"path", "/in"}, {kEncodingOption, "raw"}}, BadRecords::quarantine},
               {.name = "noop", .bad_records = BadRecords::drop}};
  spec.params = {{"X", 1}};
  spec.params_given = {{"X", "1"}};
  spec.now = 1'700'000'000'000;
  spec.redriven_records = Json::array({{{"id", "s/1"}}});
  return spec;
}

TEST(JobSpec, SurvivesItsCanonicalForm) {
  for (const JobSpec& spec : {full_spec(), JobSpec()}) {
    const auto back = parse_job_spec(to_compact_text(to_json(spec)));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, spec);
  }
  EXPECT_EQ(to_json(full_spec())["version"], 1);
  EXPECT_EQ(to_json(JobSpec()).dump(), R"({"version":1,"operations":[]})") << "what is usual is left out";
}

TEST(JobSpec, RefusesWhatItCannotRead) {
  EXPECT_EQ(parse_job_spec(R"({"version":3,"operations":[]})").error().code, ErrorCode::unsupported);
  EXPECT_THAT(parse_job_spec(R"({"version":1,"operations":[{}]})").error().message, HasSubstr("stored job"));
  EXPECT_THAT(parse_job_spec(R"({"version":1,"operations":[],"workers":"x"})").error().message,
              HasSubstr("stored job"));
  EXPECT_FALSE(parse_job_spec("[]"));
  EXPECT_FALSE(parse_job_spec("{"));
  EXPECT_TRUE(parse_job_spec(R"({"version":1,"operations":[],"later":"thing"})")) << "of a later program";
}

TEST(JobSpec, AGraphSurvivesToo) {
  JobSpec spec = full_spec();
  spec.plan = *plan_of(
      {{"a", {.name = "id_range"}, {}}, {"b", {.name = "noop"}, {"a"}}, {"c", {.name = "file_exporter"}, {"a", "b"}}});
  EXPECT_EQ(to_json(spec)["version"], 2) << "older programs would run it as a list";
  const auto back = parse_job_spec(to_compact_text(to_json(spec)));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, spec);
  Json broken = to_json(spec);
  broken["operations"][1]["inputs"] = {1};
  EXPECT_THAT(parse_job_spec(to_compact_text(broken)).error().message, HasSubstr("b is not behind its inputs"));
}

TEST(JobSpec, NamesOperationsWithTheirBundle) {
  EXPECT_EQ(full_spec().plan.nodes[0].operation.shown_name(), "file_reader@aa");
  EXPECT_EQ(full_spec().plan.nodes[1].operation.shown_name(), "noop");
  EXPECT_TRUE(full_spec().plan.nodes[0].operation.is_raw());
  EXPECT_FALSE(full_spec().plan.nodes[1].operation.is_raw());
}

TEST(JobSpec, ReadsWhatTheFirstVersionStored) {
  const auto spec = parse_job_spec(R"({
      "name":"old","version":"a user's own","lifecycle":"persistent","workers":3,"slicers":2,"max_retries":1,
      "probation_window":9,"analytics":false,"autorecover":true,"quarantine_max_records":7,"log_level":null,
      "env_vars":{"A":1},"memory":5,"resources_limits_memory":6,"cpu":0.5,"speculation":true,"now":"2026-11-24T00:00:00Z",
      "asset_bundles":[{"id":"aa","name":"tools"}],"params_given":{"X":"1"},"ex_id":"e","job_id":"j","_status":"running",
      "operations":[{"_op":"file_reader@aa","path":"/in","encoding":"mine","_encoding":"raw","_dead_letter_action":"none"},
                    {"_op":"noop","_dead_letter_action":"throw"}]})");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->name, "old");
  EXPECT_TRUE(spec->persistent);
  EXPECT_EQ(spec->workers, 3);
  EXPECT_EQ(spec->slicers, 2);
  EXPECT_EQ(spec->max_retries, 1U);
  EXPECT_EQ(spec->probation_ms, 9);
  EXPECT_FALSE(spec->measures);
  EXPECT_TRUE(spec->goes_on);
  EXPECT_EQ(spec->most_quarantined, 7U);
  EXPECT_EQ(spec->log_level, "");
  EXPECT_EQ(spec->environment.front().second, "1");
  EXPECT_EQ(spec->worker_memory_limit, 6) << "the new name goes before the old one";
  EXPECT_EQ(spec->worker_cpu_limit, 0.5);
  EXPECT_TRUE(spec->speculation.enabled);
  EXPECT_EQ(spec->now, 1'795'478'400'000);
  EXPECT_EQ(spec->bundles.front().name, "tools");
  EXPECT_EQ(spec->ex_id, "e");
  ASSERT_EQ(spec->plan.size(), 2U);
  EXPECT_EQ(spec->plan.nodes[0].operation,
            (OperationSpec{"file_reader", "aa", {{"path", "/in"}, {"encoding", "raw"}}, BadRecords::drop}));
  EXPECT_EQ(spec->plan.nodes[1].operation, OperationSpec{.name = "noop"});
}

TEST(JobSpec, ABrokenFormerOneIsAnError) {
  EXPECT_THAT(parse_job_spec(R"({"workers":"three","operations":[{"_op":"noop"}]})").error().message,
              HasSubstr("stored job"));
}

}  // namespace
}  // namespace slicemill
