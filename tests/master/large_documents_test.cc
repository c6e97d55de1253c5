// Jobs whose documents are worked on beside the loop, while others change them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/master/master_service_fixture.h"

namespace slicemill::master {
namespace {

// What takes time beside the loop is overtaken by what is small.
class LargeDocumentTest : public MasterServiceTest {
 protected:
  static Json large_job(const std::string& name = "large", std::int64_t workers = 1) {
    Json job = MasterHarness::job(workers);
    job["name"] = name;
    job["note"] = std::string(2 * kLargeDocument, 'x');
    return job;
  }
  JobId stored() {
    const auto answer = h_.await<Submitted>(
        [&](Reply<Submitted> reply) { h_.service->submit(large_job(), {.start = false}, std::move(reply)); });
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
    return answer->job_id;
  }
  auto start_later(const JobId& id) {
    return h_.start<Submitted>([&](Reply<Submitted> reply) { h_.service->start_job(id, {}, std::move(reply)); });
  }
  auto replace_later(const JobId& id, Json posted) {
    return h_.start<UpdatedJob>(
        [&](Reply<UpdatedJob> reply) { h_.service->update_job(id, std::move(posted), std::move(reply)); });
  }
  auto mark_later(const JobId& id, bool active) {
    return h_.start<ShownDocument>(
        [&](Reply<ShownDocument> reply) { h_.service->set_job_active(id, active, std::move(reply)); });
  }
  auto remove_later(const JobId& id) {
    return h_.start<ShownDocument>([&](Reply<ShownDocument> reply) { h_.service->delete_job(id, std::move(reply)); });
  }
  Json document_of(const JobId& id) { return Json::parse((*h_.registry->job(id))->doc); }
};

TEST_F(LargeDocumentTest, OfTwoStartsOneIsRefused) {
  const JobId id = stored();
  const auto first = start_later(id);
  const auto second = start_later(id);
  h_.loop.run_ready();
  ASSERT_TRUE(*first && **first) << (**first).error().message;
  ASSERT_TRUE(*second);
  EXPECT_EQ((*second)->error().code, ErrorCode::conflict);
  EXPECT_EQ(h_.registry->executions_of(id)->size(), 1u);
}

TEST_F(LargeDocumentTest, ChangesOfOneJobFollowEachOther) {
  const JobId id = stored();
  const auto first = replace_later(id, large_job("first", 2));
  const auto second = replace_later(id, large_job("second", 3));
  const auto marked = mark_later(id, false);
  h_.loop.run_ready();
  ASSERT_TRUE(*first && **first);
  ASSERT_TRUE(*second && **second);
  ASSERT_TRUE(*marked && **marked);
  EXPECT_EQ((*whole_document((*first)->value().document))["name"], "first") << "each is told of its own";
  EXPECT_EQ((*whole_document((*second)->value().document))["name"], "second");
  Json expected = large_job("second", 3);
  expected["active"] = false;
  EXPECT_EQ(document_of(id), expected) << "the mark is not lost, nor the document that it was set on";
  ListQuery put_aside;
  put_aside.active = false;
  EXPECT_EQ(h_.registry->jobs(put_aside)->size(), 1u) << "lists know of it";
}

TEST_F(LargeDocumentTest, ADeletionWaitsForAStartThatIsBeingValidated) {
  const JobId id = stored();
  const auto started = start_later(id);
  const auto removed = remove_later(id);
  h_.loop.run_ready();
  ASSERT_TRUE(*started && **started) << (*started)->error().message;
  ASSERT_TRUE(*removed);
  EXPECT_EQ((*removed)->error().code, ErrorCode::conflict);
  EXPECT_EQ(h_.status((*started)->value().ex_id), "scheduling");
}

TEST_F(LargeDocumentTest, WhatComesAfterADeletionFindsTheJobGone) {
  const JobId id = stored();
  const auto replaced = replace_later(id, large_job("last"));
  const auto removed = remove_later(id);
  const auto started = start_later(id);
  const auto replaced_again = replace_later(id, large_job("too late"));
  h_.loop.run_ready();
  ASSERT_TRUE(*replaced && **replaced);
  ASSERT_TRUE(*removed && **removed);
  EXPECT_EQ((*started)->error().code, ErrorCode::gone);
  EXPECT_EQ((*replaced_again)->error().code, ErrorCode::gone);
  EXPECT_TRUE((*h_.registry->job(id))->deleted);
  EXPECT_EQ(document_of(id)["name"], "last");
}

TEST_F(LargeDocumentTest, IsKeptAsPostedAndFoundInLists) {
  const auto submitted = h_.submit(large_job("find me"));
  h_.finish(submitted.ex_id);
  EXPECT_EQ(document_of(submitted.job_id), large_job("find me"));
  EXPECT_EQ(h_.document(submitted.ex_id)["_status"], "completed");
  const auto recovered = recover(submitted.ex_id);
  EXPECT_TRUE(recovered) << (recovered ? "" : recovered.error().message);
}

TEST_F(LargeDocumentTest, TheSameSubmissionTwiceMakesOneJob) {
  const auto submit = [&] {
    return h_.start<Submitted>([&](Reply<Submitted> reply) {
      h_.service->submit(large_job(), {.start = true, .key = "k"}, std::move(reply));
    });
  };
  const auto first = submit();
  const auto second = submit();
  h_.loop.run_ready();
  ASSERT_TRUE(*first && **first);
  ASSERT_TRUE(*second && **second);
  EXPECT_EQ((*first)->value().job_id, (*second)->value().job_id);
  EXPECT_TRUE((*second)->value().is_repeated);
  EXPECT_EQ(h_.registry->jobs({})->size(), 1u);
}

TEST_F(LargeDocumentTest, WhatIsUnderWayWhenTheMasterClosesIsRefused) {
  const JobId id = stored();
  const JobId other = stored();
  const Json before = document_of(id);
  const auto replaced = replace_later(id, large_job("late"));
  const auto removed = remove_later(id);
  const auto started = start_later(other);
  const auto marked = mark_later(other, false);
  h_.service->close();
  h_.loop.run_ready();
  for (const ErrorCode code :
       {(*replaced)->error().code, (*removed)->error().code, (*started)->error().code, (*marked)->error().code})
    EXPECT_EQ(code, ErrorCode::unavailable);
  EXPECT_EQ(document_of(id), before);
  EXPECT_EQ(document_of(other), before);
  EXPECT_EQ(h_.registry->executions_of(other)->size(), 0u);
}

TEST_F(LargeDocumentTest, NothingIsAnsweredOnceTheMasterIsGone) {
  const JobId id = stored();
  const auto started = start_later(id);
  const auto marked = mark_later(id, false);
  const auto removed = remove_later(id);
  h_.crash();
  h_.loop.run_ready();
  EXPECT_FALSE(*started || *marked || *removed);
  h_.restart();
  EXPECT_EQ(document_of(id), large_job());
}

}  // namespace
}  // namespace slicemill::master
