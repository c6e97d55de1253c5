// Jobs: replaced, marked, deleted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/master/master_service_fixture.h"

namespace slicemill::master {
namespace {

using ::testing::SizeIs;

TEST_F(MasterServiceTest, UpdatesReplaceAndDeletesAreSoft) {
  const auto submitted = h_.submit(MasterHarness::job());
  const std::string logs = h_.layout.log_directory(submitted.ex_id.text);
  EXPECT_TRUE(std::filesystem::exists(logs));
  h_.finish(submitted.ex_id, "completed", true);
  Json changed = MasterHarness::job(5);
  changed["_created"] = "mine";
  changed["extra"] = 1;
  const auto update = [&](Json posted) {
    return h_.await<UpdatedJob>([&](Reply<UpdatedJob> reply) {
      h_.service->update_job(submitted.job_id, std::move(posted), std::move(reply));
    });
  };
  const auto updated = update(changed);
  ASSERT_TRUE(updated) << updated.error().message;
  const auto document = whole_document(updated->document);
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ((*document)["workers"], 5);
  EXPECT_NE((*document)["_created"], "mine");
  EXPECT_THAT(updated->warnings, SizeIs(1));  // "extra" is unknown
  EXPECT_FALSE(update({{"operations", Json::array()}}));
  EXPECT_TRUE(update({{"active", false}}));  // put aside: not validated

  h_.loop.advance(std::chrono::minutes(1));
  const std::string before = h_.document(submitted.ex_id)["_updated"];
  const auto deleted = remove_job(submitted.job_id);
  ASSERT_TRUE(deleted);
  EXPECT_EQ((*deleted)["_updated"], (*deleted)["_deleted_on"]);
  EXPECT_EQ(h_.document(submitted.ex_id)["_updated"], (*deleted)["_deleted_on"]);
  EXPECT_NE(h_.document(submitted.ex_id)["_updated"], before);
  EXPECT_EQ((*deleted)["_deleted"], true);
  EXPECT_EQ((*deleted)["active"], false);
  EXPECT_TRUE(std::filesystem::exists(logs));  // errors stay readable
  EXPECT_EQ(remove_job(submitted.job_id).error().message,
            "Job " + submitted.job_id.text + " has already been deleted.");
  EXPECT_EQ(start_job(submitted.job_id).error().message,
            "Job " + submitted.job_id.text + " has been deleted and cannot be started.");
  EXPECT_EQ(update(changed).error().code, ErrorCode::gone);
  EXPECT_EQ(h_.document(submitted.ex_id)["_deleted"], true);
  EXPECT_EQ(remove_job(JobId("none")).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace slicemill::master
