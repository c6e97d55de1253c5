#include "api/dialects/tork/job/job_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/dialects/tork/job/job_reading.h"
#include "api/dialects/tork/job/redaction.h"

namespace slicemill::api::tork {
namespace {

constexpr WallMs kNoon = 1'795'521'600'000;  // 2026-11-24T12:00:00Z

TorkJob small_job() {
  return *read_job(R"(
name: nightly
inputs: {n: 5}
secrets: {token: s3cr3t}
permissions: [{user: ada}, {role: public}]
autoDelete: {after: 1h}
output: "{{ tasks.a }}"
tasks:
  - {name: first, run: "echo $T", image: alpine, env: {T: "{{ secrets.token }}"}, retry: {limit: 2}, var: a}
)",
                   BodyFormat::yaml, JobKind::job);
}

JobState small_state() {
  JobState state;
  state.id = "9d7d7184b8f244249c5f5d8b4074f72e";
  state.state = "RUNNING";
  state.created_by = {"u1", "Guest", "guest", kNoon};
  state.created_at = kNoon + 120;
  state.started_at = kNoon + 2'000;
  state.position = 1;
  state.progress = 33.333;
  state.results = {{"a", "done"}};
  return state;
}

TEST(TorkDocuments, ASummaryHasNoTasks) {
  EXPECT_EQ(
      to_compact_text(job_summary(small_job(), small_state())),
      R"({"id":"9d7d7184b8f244249c5f5d8b4074f72e","createdBy":{"id":"u1","name":"Guest","username":"guest","createdAt":"2026-11-24T12:00:00Z"},)"
      R"("inputs":{"n":"5"},"name":"nightly","state":"RUNNING","createdAt":"2026-11-24T12:00:00.12Z","startedAt":"2026-11-24T12:00:02Z",)"
      R"("position":1,"taskCount":1,"progress":33.33})");
}

TEST(TorkDocuments, AJobHasWhatWasPostedAndWhatRan) {
  auto state = small_state();
  TaskState run;
  run.id = "aa76535bc23649ca9403e636e377aca3";
  run.job_id = state.id;
  run.state = "COMPLETED";
  run.position = 1;
  run.created_at = kNoon;
  run.completed_at = kNoon + 1;
  run.attempts = 1;
  run.node_id = "n1";
  run.result = "done";
  run.progress = 100;
  const auto job = small_job();
  state.execution.push_back(task_document(job.tasks[0], run));
  state.delete_at = kNoon + 3'600'000;
  state.schedule_id = "s1";
  const auto document = job_document(job, state);
  EXPECT_EQ(
      to_compact_text(document["execution"]),
      R"([{"id":"aa76535bc23649ca9403e636e377aca3","jobId":"9d7d7184b8f244249c5f5d8b4074f72e","position":1,"name":"first","state":"COMPLETED",)"
      R"("createdAt":"2026-11-24T12:00:00Z","completedAt":"2026-11-24T12:00:00.001Z","run":"echo $T","image":"alpine",)"
      R"("env":{"T":"{{ secrets.token }}"},"retry":{"limit":2,"attempts":1},"var":"a","nodeId":"n1","result":"done","progress":100}])");
  EXPECT_EQ(
      to_compact_text(document["context"]),
      R"({"job":{"id":"9d7d7184b8f244249c5f5d8b4074f72e","name":"nightly"},"inputs":{"n":"5"},"secrets":{"token":"s3cr3t"},"tasks":{"a":"done"}})");
  EXPECT_EQ(to_compact_text(document["permissions"]), R"([{"user":{"username":"ada"}},{"role":{"slug":"public"}}])");
  EXPECT_EQ(to_compact_text(document["schedule"]), R"({"id":"s1"})");
  EXPECT_EQ(document["deleteAt"], "2026-11-24T13:00:00Z");
  EXPECT_EQ(document["tasks"][0]["name"], "first");
  EXPECT_FALSE(document.contains("result"));
}

TEST(TorkDocuments, WhatClientsReadWithoutALookIsAlwaysThere) {
  const auto document = job_document(TorkJob(), JobState());
  for (const char* member : {"createdAt", "position", "createdBy"}) EXPECT_TRUE(document.contains(member)) << member;
  EXPECT_EQ(document["tasks"], Json::array());
  EXPECT_EQ(document["execution"], Json::array());
  EXPECT_TRUE(document["context"]["job"].is_object());
}

TEST(TorkDocuments, CompositeTasksTellHowFarTheyAre) {
  const auto job = *read_job(
      R"({"name":"a","tasks":[{"name":"e","each":{"list":"1..3","task":{"name":"x"}}},{"name":"p","parallel":{"tasks":[{"name":"y"}]}},
    {"name":"s","subjob":{"name":"z","tasks":[{"name":"y"}]}}]})",
      BodyFormat::json, JobKind::job);
  TaskState state;
  state.size = 3;
  state.completions = 2;
  state.index = 1;
  state.subjob_id = "j2";
  EXPECT_EQ(to_compact_text(task_document(job.tasks[0], state)["each"]),
            R"({"list":"1..3","task":{"name":"x"},"size":3,"completions":2,"index":1})");
  EXPECT_EQ(to_compact_text(task_document(job.tasks[1], state)["parallel"]),
            R"({"tasks":[{"name":"y"}],"completions":2})");
  EXPECT_EQ(task_document(job.tasks[2], state)["subjob"]["id"], "j2");
}

TEST(TorkDocuments, Schedules) {
  const auto job =
      *read_job(R"({"name":"a","tags":["t"],"tasks":[{"name":"b"}],"schedule":{"cron":"@daily"},"secrets":{"k":"v"}})",
                BodyFormat::json, JobKind::scheduled_job);
  ScheduleState state;
  state.id = "s1";
  state.state = "ACTIVE";
  state.created_at = kNoon;
  EXPECT_EQ(
      to_compact_text(schedule_summary(job, state)),
      R"({"id":"s1","createdBy":{},"state":"ACTIVE","name":"a","tags":["t"],"createdAt":"2026-11-24T12:00:00Z","cron":"@daily"})");
  EXPECT_EQ(schedule_document(job, state)["secrets"]["k"], "v");
  EXPECT_EQ(to_compact_text(schedule_document(job, state)["tasks"]), R"([{"name":"b"}])");
}

TEST(TorkRedaction, MasksValuesOfSecretsInTexts) {
  const Redaction redaction({{"a", "abc"}, {"b", "abcdef"}, {"c", ""}, {"d", "xyz"}});
  EXPECT_EQ(redaction.text("-abcdef-abc-xyzxyz-ab"), "-[REDACTED]-[REDACTED]-[REDACTED][REDACTED]-ab");
  EXPECT_EQ(redaction.text(""), "");
  EXPECT_EQ(Redaction(TextMap()).text("abc"), "abc");
  EXPECT_EQ(Redaction(TextMap{{"r", "REDACTED"}}).text("[REDACTED]"), "[[REDACTED]]");
}

TEST(TorkRedaction, MasksDocumentsAndLeavesIds) {
  auto job = small_job();
  job.tasks[0].registry = Registry{"u", "p4ss"};
  job.tasks[0].env["DB_Password"] = "x";
  job.tasks[0].env["id"] = "RUNNING s3cr3t";
  job.tasks[0].run = "curl -H s3cr3t";
  job.inputs["aws_access_key_id"] = "AKIA";
  job.secrets["state"] = "RUNNING";
  auto state = small_state();
  state.error = "no such token: s3cr3t";
  state.results["leak"] = "s3cr3t!";
  state.results["my_secret"] = "z";
  auto document = job_document(job, state);
  Redaction(job.secrets).apply(document);
  EXPECT_EQ(document["secrets"], (Json{{"state", kRedacted}, {"token", kRedacted}}));
  EXPECT_EQ(document["context"]["secrets"], document["secrets"]);
  EXPECT_EQ(document["context"]["tasks"], (Json{{"a", "done"}, {"leak", "[REDACTED]!"}, {"my_secret", kRedacted}}));
  EXPECT_EQ(document["inputs"], (Json{{"aws_access_key_id", kRedacted}, {"n", "5"}}));
  EXPECT_EQ(document["context"]["inputs"], document["inputs"]);
  EXPECT_EQ(document["state"], "RUNNING");
  EXPECT_EQ(document["error"], "no such token: [REDACTED]");
  const auto& task = document["tasks"][0];
  EXPECT_EQ(task["registry"], (Json{{"username", "u"}, {"password", kRedacted}}));
  EXPECT_EQ(task["env"]["DB_Password"], kRedacted);
  EXPECT_EQ(task["env"]["id"], "[REDACTED] [REDACTED]");
  EXPECT_EQ(task["run"], "curl -H [REDACTED]");
  EXPECT_EQ(to_compact_text(document).find("s3cr3t"), std::string::npos);
}

}  // namespace
}  // namespace slicemill::api::tork
