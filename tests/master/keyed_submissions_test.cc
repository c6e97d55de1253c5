// Idempotency keys: one key, one job, whoever asks how often, and whatever dies in between.
#include "master/keyed_submissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/master/master_harness.h"

namespace slicemill::master {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class KeyedSubmissionsTest : public ::testing::Test {
 protected:
  auto begin(const std::string& key, Json posted = MasterHarness::job(1), bool start = true) {
    return h_.start<Submitted>([&](Reply<Submitted> reply) {
      h_.service->submit(std::move(posted), {start, key}, std::move(reply));
    });
  }
  Result<Submitted> submit(const std::string& key, Json posted = MasterHarness::job(1), bool start = true) {
    auto answer = begin(key, std::move(posted), start);
    h_.loop.run_ready();
    return answer->value_or(Error{ErrorCode::internal, "no answer"});
  }
  std::size_t jobs() { return h_.registry->jobs({})->size(); }
  static Json named(const std::string& name) {
    Json job = MasterHarness::job(1);
    job["name"] = name;
    return job;
  }

  MasterHarness h_;
};

TEST_F(KeyedSubmissionsTest, TheSameJobAgainIsTheSameJobAlsoAfterARestart) {
  const auto first = submit("k1");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(first->is_repeated);
  for (const bool restarts : {false, true}) {
    if (restarts) h_.restart();
    const auto again = submit("k1");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(again->is_repeated);
    EXPECT_EQ(again->job_id, first->job_id);
    EXPECT_EQ(again->ex_id, first->ex_id);
    EXPECT_EQ(again->job_seq, first->job_seq);
  }
  EXPECT_EQ(jobs(), 1u);
  EXPECT_NE(submit("k2")->job_id, first->job_id);
  EXPECT_EQ(jobs(), 2u);
}

TEST_F(KeyedSubmissionsTest, TheOrderOfMembersDoesNotMatter) {
  const auto first =
      submit("k1", Json::parse(R"({"name":"a","workers":1,"operations":[{"_op":"any-reader"},{"_op":"any-sender"}]})"));
  const auto again =
      submit("k1", Json::parse(R"({"workers":1,"operations":[{"_op":"any-reader"},{"_op":"any-sender"}],"name":"a"})"));
  ASSERT_TRUE(first && again);
  EXPECT_EQ(again->job_id, first->job_id);
}

TEST_F(KeyedSubmissionsTest, AnotherJobWithTheKeyIsRefused) {
  const auto first = submit("k1");
  for (const auto& other : {submit("k1", named("other")), submit("k1", MasterHarness::job(1), false)}) {
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::conflict);
    EXPECT_THAT(other.error().message, HasSubstr("\"k1\" was used for another job, " + first->job_id.text));
  }
  EXPECT_EQ(jobs(), 1u);
}

TEST_F(KeyedSubmissionsTest, ManyAtOnceAreOneJob) {
  std::vector<std::shared_ptr<std::optional<Result<Submitted>>>> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(begin("k1"));
  const auto other = begin("k1", named("other"));
  const auto of_its_own = begin("k2");
  h_.loop.run_ready();
  for (const auto& answer : answers) {
    ASSERT_TRUE(*answer && **answer);
    EXPECT_EQ((**answer)->job_id, (*answers.front())->value().job_id);
  }
  EXPECT_FALSE((*answers.front())->value().is_repeated);
  ASSERT_TRUE(*other);
  EXPECT_EQ((*other)->error().code, ErrorCode::conflict);
  ASSERT_TRUE(*of_its_own && **of_its_own);
  EXPECT_EQ(jobs(), 2u);
}

TEST_F(KeyedSubmissionsTest, WhatWasRefusedHasNoKey) {
  Json wrong = MasterHarness::job(1);
  wrong["operations"][1]["_op"] = "refused";
  const auto first = begin("k1", wrong);
  const auto second = begin("k1");
  h_.loop.run_ready();
  EXPECT_FALSE(**first);
  ASSERT_TRUE(**second) << (*second)->error().message;
  EXPECT_FALSE((*second)->value().is_repeated);
  EXPECT_EQ(jobs(), 1u);
}

TEST_F(KeyedSubmissionsTest, ADeletedJobFreesItsKey) {
  const auto first = submit("k1", MasterHarness::job(1), false);
  ASSERT_TRUE(first);
  ASSERT_TRUE(h_.await<ShownDocument>(
      [&](Reply<ShownDocument> reply) { h_.service->delete_job(first->job_id, std::move(reply)); }));
  const auto second = submit("k1", named("other"), false);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_NE(second->job_id, first->job_id);
  ASSERT_TRUE(h_.await<std::int64_t>([&](Reply<std::int64_t> reply) {
    h_.service->views().delete_ended({ExecutionStatus::stopped}, std::move(reply));
  }));
  EXPECT_FALSE(*h_.registry->submission("k1"));
  EXPECT_FALSE(submit("k1", MasterHarness::job(1), false)->is_repeated);
}

TEST_F(KeyedSubmissionsTest, AKeyOutlivesAChangeOfItsJob) {
  const auto first = submit("k1", MasterHarness::job(1), false);
  ASSERT_TRUE(h_.await<UpdatedJob>(
      [&](Reply<UpdatedJob> reply) { h_.service->update_job(first->job_id, named("other"), std::move(reply)); }));
  EXPECT_EQ(submit("k1", MasterHarness::job(1), false)->job_id, first->job_id) << "what was posted, not what it is now";
}

// The answer of the first one is lost with the master, at any point: the client asks again.
TEST_F(KeyedSubmissionsTest, ACrashLeavesTheJobWithItsKeyOrNeither) {
  for (int steps = 0; steps < 12; ++steps) {
    const std::string key = "crash-" + std::to_string(steps);
    const std::size_t before = jobs();
    begin(key);
    for (int i = 0; i < steps; ++i) h_.loop.run_one();
    h_.restart();
    const bool was_kept = jobs() > before;
    EXPECT_EQ(h_.registry->submission(key)->has_value(), was_kept) << steps;
    const auto again = submit(key);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->is_repeated, was_kept) << steps;
    EXPECT_EQ(jobs(), before + 1) << steps;
  }
}

TEST(Fingerprint, IsOfValuesAndNotOfText) {
  const auto of = [](const char* text, bool start = true) { return fingerprint_of(Json::parse(text), start); };
  EXPECT_THAT(of("{}"), SizeIs(64));
  EXPECT_EQ(of(R"({"a":1,"b":[1,2]})"), of(R"({ "b": [1, 2], "a": 1 })"));
  EXPECT_NE(of(R"({"a":[1,2]})"), of(R"({"a":[2,1]})"));
  EXPECT_NE(of(R"({"a":1})"), of(R"({"a":"1"})"));
  EXPECT_NE(of(R"({"a":{"b":1}})"), of(R"({"a":{},"b":1})"));
  EXPECT_NE(of(R"({"a":["b,c"]})"), of(R"({"a":["b","c"]})"));
  EXPECT_NE(of(R"({"a":1})", true), of(R"({"a":1})", false));
}

}  // namespace
}  // namespace slicemill::master
