#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "api/dialects/tork/job/cron.h"
#include "api/dialects/tork/job/job_documents.h"
#include "api/dialects/tork/job/job_reading.h"

namespace slicemill::api::tork {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct ReadingCase {
  std::string title;
  BodyFormat format = BodyFormat::yaml;
  JobKind kind = JobKind::job;
  std::string text;
  std::string expected;
};

std::vector<ReadingCase> reading_cases() {
  std::ifstream file(std::string(SLICEMILL_CASES) + "/reading.cases");
  std::vector<ReadingCase> cases;
  std::vector<std::string> blocks;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("=== ")) {
      cases.push_back({line.substr(4), line.starts_with("=== json") ? BodyFormat::json : BodyFormat::yaml,
                       line.find(" scheduled:") != line.npos ? JobKind::scheduled_job : JobKind::job});
      blocks.clear();
    } else if (!cases.empty()) {
      cases.back().text += line + "\n";
    }
  }
  for (auto& one : cases) {
    const auto bar = one.text.rfind("\n---\n");
    const std::size_t begin = bar == one.text.npos ? 4 : bar + 5;
    one.expected = one.text.substr(begin);
    one.text.resize(bar == one.text.npos ? 0 : bar + 1);
    // Comments of the file stand between cases.
    if (const auto comment = one.expected.find("\n\n# ----"); comment != one.expected.npos)
      one.expected.resize(comment);
    one.expected.erase(one.expected.find_last_not_of('\n') + 1);
  }
  return cases;
}

Accounts known_accounts() {
  return {[](const std::string& name) { return name == "ada"; },
          [](const std::string& name) { return name == "public"; }};
}

TEST(TorkJob, IsReadOrRefusedWithAPlace) {
  const auto cases = reading_cases();
  ASSERT_GT(cases.size(), 40U);
  for (const auto& one : cases) {
    SCOPED_TRACE(one.title);
    const auto job = read_job(one.text, one.format, one.kind, known_accounts());
    const bool is_error = !one.expected.starts_with('{');
    if (is_error) {
      ASSERT_FALSE(job);
      EXPECT_EQ(job.error().code, ErrorCode::invalid);
      const auto expected = one.expected.starts_with('!') ? one.expected.substr(1) : one.expected;
      EXPECT_THAT(job.error().message, HasSubstr(expected));
      if (expected.starts_with("Key: ") && one.text != "null\n") {
        EXPECT_EQ(job.error().message, expected);
      }
      continue;
    }
    ASSERT_TRUE(job) << job.error().message;
    const auto definition = definition_of(*job, one.kind);
    EXPECT_EQ(to_compact_text(definition), one.expected);
    // What is written can be posted again.
    const auto again = read_job(to_compact_text(definition), BodyFormat::json, one.kind, known_accounts());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(to_compact_text(definition_of(*again, one.kind)), one.expected);
  }
}

TEST(TorkJob, LengthsCountCharacters) {
  const auto read = [](std::string name, std::string var, JobKind kind) {
    const Json job = {{"name", std::move(name)},
                      {"tasks", {{{"name", "b"}, {"var", std::move(var)}}}},
                      {"schedule", {{"cron", "@daily"}}}};
    Json posted = job;
    if (kind == JobKind::job) posted.erase("schedule");
    return read_job(to_compact_text(posted), BodyFormat::json, kind);
  };
  const auto text = [](std::size_t count) {
    std::string out;
    while (count-- > 0) out += "\u00e4";
    return out;
  };
  EXPECT_TRUE(read(text(256), text(64), JobKind::job));
  EXPECT_THAT(read(text(257), "", JobKind::job).error().message,
              HasSubstr("'Job.Name' Error:Field validation for 'Name' failed on the 'max' tag"));
  EXPECT_THAT(read("a", text(65), JobKind::job).error().message,
              HasSubstr("'Job.Tasks[0].Var' Error:Field validation for 'Var' failed on the 'max' tag"));
  EXPECT_TRUE(read(text(64), "", JobKind::scheduled_job));
  EXPECT_THAT(read(text(65), "", JobKind::scheduled_job).error().message, HasSubstr("'ScheduledJob.Name'"));
}

TEST(TorkJob, HugeAndDeepTextsAreRefused) {
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += R"({"tasks":[{"parallel":)";
  EXPECT_FALSE(read_job(deep, BodyFormat::json, JobKind::job));
  EXPECT_FALSE(read_job(deep, BodyFormat::yaml, JobKind::job));
  std::string nested = R"({"name":"a"})";
  for (int i = 0; i < 60; ++i) nested = R"({"name":"a","parallel":{"tasks":[)" + nested + "]}}";
  EXPECT_TRUE(read_job(R"({"name":"a","tasks":[)" + nested + "]}", BodyFormat::json, JobKind::job));
  std::string bomb = "name: a\na: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c)
    bomb += std::string(1, c) + ": &" + c + " [" + std::string(1, '*') + static_cast<char>(c - 1) + ",*" +
            static_cast<char>(c - 1) + ",*" + static_cast<char>(c - 1) + ",*" + static_cast<char>(c - 1) + ",*" +
            static_cast<char>(c - 1) + ",*" + static_cast<char>(c - 1) + "]\n";
  const auto bombed = read_job(bomb, BodyFormat::yaml, JobKind::job);
  ASSERT_FALSE(bombed);
  EXPECT_THAT(bombed.error().message, HasSubstr("takes more than"));
  std::string many = R"({"name":"a","tasks":[{})";
  for (int i = 0; i < 10'000; ++i) many += ",{}";
  const auto refused = read_job(many + "]}", BodyFormat::json, JobKind::job);
  ASSERT_FALSE(refused);
  EXPECT_LT(refused.error().message.size(), 20'000U);
}

TEST(TorkJob, FormatsOfBodies) {
  EXPECT_EQ(*body_format("application/json"), BodyFormat::json);
  EXPECT_EQ(*body_format("Application/JSON; charset=utf-8"), BodyFormat::json);
  EXPECT_EQ(*body_format("text/yaml"), BodyFormat::yaml);
  EXPECT_EQ(*body_format(" application/x-yaml ;x"), BodyFormat::yaml);
  EXPECT_EQ(body_format("").error().message, "missing content type");
  EXPECT_EQ(body_format("text/plain; a=b").error().message, "unknown content type: text/plain; a=b");
}

TEST(TorkCron, WhatFiresAndWhatDoesNot) {
  for (const char* text :
       {"0 0 * * *", "0/10 0 * * *", "*/5 * * * *", "1,2,5-9/2 0-23 1-31 1-12 0-6", "0 12 ? * MON-FRI",
        "0 0 1 jan,DEC *", "@daily", "@midnight", "@hourly", "@weekly", "@monthly", "@yearly", "@annually", "@every 5m",
        "@every 1h30m", "  0   0 29 2 * ", "0 0 30 2 1", "59 23 31 12 6"})
    EXPECT_TRUE(check_cron(text)) << text;
  for (const char* text : {"",
                           "invalid-cron",
                           "0 0 * * 7",
                           "0 0 0 * * *",
                           "0 0 0 0 * * *",
                           "60 * * * *",
                           "* 24 * * *",
                           "* * 0 * *",
                           "* * 32 * *",
                           "* * * 13 *",
                           "* * * 0 *",
                           "5-1 * * * *",
                           "*/0 * * * *",
                           "*/x * * * *",
                           "*/61 * * * *",
                           "1- * * * *",
                           "-1 * * * *",
                           ", * * * *",
                           "1,, * * * *",
                           "a * * * *",
                           "* * * foo *",
                           "@every",
                           "@every 5",
                           "@every 1ms",
                           "@every -5m",
                           "@reboot",
                           "@daily x",
                           "0 0 30 2 *",
                           "0 0 31 4,6 *",
                           "0 0 31 2 ?",
                           "1..5 * * * *",
                           "+1 * * * *",
                           "* * * * mon-sun"})
    EXPECT_FALSE(check_cron(text)) << text;
  EXPECT_THAT(check_cron("0 25 * * *").error().message, StartsWith("the hour 25 is not in 0-23"));
}

}  // namespace
}  // namespace slicemill::api::tork
