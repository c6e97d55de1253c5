// Ledgers that are lost, executions that are removed, and what is not recovered from either.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "core/ledger/slice_ledger.h"
#include "tests/master/master_service_fixture.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(MasterServiceTest, ALedgerIsNotedBeforeItsControllerHearsOfIt) {
  const auto submitted = h_.submit(MasterHarness::job());
  EXPECT_EQ(h_.launch_file(submitted.ex_id)["ledger_was_made"], false);
  const auto controller = h_.run(submitted.ex_id);
  EXPECT_FALSE((*h_.registry->execution(submitted.ex_id))->has_ledger);
  controller->ledger_made();
  controller->ledger_made();
  h_.loop.run_ready();
  EXPECT_GE(controller->ledger_notes, 1);
  EXPECT_TRUE((*h_.registry->execution(submitted.ex_id))->has_ledger);
  for (const auto& row : h_.executions->supervisor().processes()) {
    if (row.is_controller) h_.launcher.exit(row.process.pid, {true, 0, SIGKILL});
  }
  h_.loop.run_ready();
  EXPECT_EQ(h_.launch_file(submitted.ex_id)["ledger_was_made"], true);
}

TEST_F(MasterServiceTest, WithoutTheLedgerThatItHadNothingIsRecoveredOrRead) {
  const ExecutionId id = ended_with_ledger(false);
  const auto recovered = recover(id);
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, ErrorCode::gone);
  EXPECT_THAT(recovered.error().message, HasSubstr(h_.layout.ledger_directory(id.text)));
  EXPECT_EQ(errors(id).error().code, ErrorCode::gone);
  const auto redriven =
      h_.await<Submitted>([&](Reply<Submitted> reply) { h_.service->redrive(id, {}, std::move(reply)); });
  EXPECT_EQ(redriven.error().code, ErrorCode::gone);
  EXPECT_TRUE(errors(std::nullopt));  // those of others can be read
}

TEST_F(MasterServiceTest, AnExecutionThatNeverHadALedgerIsRecoveredFromTheBeginning) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.finish(submitted.ex_id, "failed", true);
  EXPECT_TRUE(recover(submitted.ex_id));
}

TEST_F(MasterServiceTest, ALostLedgerOfARecoveryIsNotSkippedOver) {
  const ExecutionId first = ended_with_ledger(true);
  const auto second = recover(first);
  ASSERT_TRUE(second) << second.error().message;
  note_ledger(second->ex_id);
  h_.finish(second->ex_id, "stopped", true);
  const auto third = recover(first);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::gone);
  EXPECT_THAT(third.error().message, HasSubstr(second->ex_id.text));
}

TEST_F(MasterServiceTest, AnEndedExecutionGoesForGoodAndTwiceIsTheSame) {
  const ExecutionId id = ended_with_ledger(true);
  const std::string logs = h_.layout.log_directory(id.text);
  ASSERT_TRUE(std::filesystem::exists(logs));
  const auto removed = remove(id);
  ASSERT_TRUE(*removed && **removed);
  EXPECT_EQ((***removed)["_deleted"], true);
  EXPECT_EQ((***removed)["ex_id"], id.text);
  EXPECT_FALSE(std::filesystem::exists(logs));
  EXPECT_FALSE(std::filesystem::exists(h_.layout.ledger_directory(id.text)));
  EXPECT_EQ(***remove(id), ***removed);
  const auto shown =
      h_.await<ShownDocument>([&](Reply<ShownDocument> reply) { h_.service->get_execution(id, std::move(reply)); });
  EXPECT_EQ(shown.error().code, ErrorCode::not_found);
  EXPECT_THAT(shown.error().message, HasSubstr("removed"));
  EXPECT_EQ((*remove(ExecutionId("none")))->error().code, ErrorCode::not_found);
}

TEST_F(MasterServiceTest, ALiveExecutionAndOneThatIsAboutToBeRecoveredStay) {
  const ExecutionId source = ended_with_ledger(true);
  const auto recovery = recover(source);
  ASSERT_TRUE(recovery);
  EXPECT_EQ((*remove(recovery->ex_id))->error().code, ErrorCode::conflict);
  const auto needed = remove(source);
  EXPECT_EQ((*needed)->error().code, ErrorCode::conflict);
  EXPECT_THAT((*needed)->error().message, HasSubstr(recovery->ex_id.text));
  note_ledger(recovery->ex_id);  // it has its own from now on
  EXPECT_TRUE(**remove(source));
}

TEST_F(MasterServiceTest, FilesGoOnceNoProcessIsLeft) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.finish(submitted.ex_id, "completed", false);
  const auto removed = remove(submitted.ex_id);
  EXPECT_FALSE(*removed);
  EXPECT_TRUE(std::filesystem::exists(h_.layout.log_directory(submitted.ex_id.text)));
  for (const auto& row : h_.executions->supervisor().processes()) h_.launcher.exit(row.process.pid, {true, 0, 0});
  h_.loop.advance(1s);
  ASSERT_TRUE(*removed && **removed);
  EXPECT_FALSE(std::filesystem::exists(h_.layout.log_directory(submitted.ex_id.text)));
}

TEST_F(MasterServiceTest, WhatAMasterDidNotFreeTheNextOneDoes) {
  const ExecutionId id = ended_with_ledger(true);
  RegistryBatch batch;
  batch.removed.push_back({id, (*h_.registry->execution(id))->seq, 1, {}});
  h_.registry->write(std::move(batch), [](const Result<void>&) {});
  h_.loop.run_ready();
  h_.restart();
  h_.loop.advance(1s);
  EXPECT_FALSE(std::filesystem::exists(h_.layout.ledger_directory(id.text)));
  EXPECT_TRUE(h_.registry->unfreed()->empty());
}

TEST_F(MasterServiceTest, NothingGoesOnFromAnExecutionThatWasRemoved) {
  const ExecutionId first = ended_with_ledger(true);
  const auto second = recover(first);
  ASSERT_TRUE(second);
  note_ledger(second->ex_id);
  make_ledger(second->ex_id);
  h_.finish(second->ex_id, "stopped", true);
  ASSERT_TRUE(**remove(second->ex_id));
  const auto again = recover(first);
  EXPECT_EQ(again.error().code, ErrorCode::gone);
  EXPECT_THAT(again.error().message, HasSubstr(second->ex_id.text));
  // The job would go on from its latest execution, which is not the one that is left.
  const JobId job = (*h_.registry->execution(first))->job_id;
  const auto of_job =
      h_.await<Submitted>([&](Reply<Submitted> reply) { h_.service->recover_job(job, {}, std::move(reply)); });
  EXPECT_EQ(of_job.error().code, ErrorCode::gone);
  EXPECT_TRUE(start_job(job));
}

TEST_F(MasterServiceTest, RetentionKeepsTheNewestAndTheLiving) {
  h_.retention.limits.count = 1;
  h_.restart();
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.finish(submitted.ex_id, "completed", true);
  const auto second = start_job(submitted.job_id);
  ASSERT_TRUE(second);
  h_.finish(second->ex_id, "completed", true);
  const auto third = start_job(submitted.job_id);
  ASSERT_TRUE(third);
  h_.run(third->ex_id);
  h_.loop.advance(20s);
  EXPECT_EQ(h_.status(submitted.ex_id), "unknown");
  EXPECT_FALSE(std::filesystem::exists(h_.layout.log_directory(submitted.ex_id.text)));
  EXPECT_EQ(h_.status(second->ex_id), "completed");
  EXPECT_NE(h_.status(third->ex_id), "unknown");
}

TEST_F(MasterServiceTest, RetentionByBytesTakesTheOldest) {
  h_.retention.bytes = 25'000;
  h_.restart();
  const auto submitted = h_.submit(MasterHarness::job(1));
  std::vector<ExecutionId> ids = {submitted.ex_id};
  for (int i = 0; i < 4; ++i) {
    std::ofstream(h_.layout.log_directory(ids.back().text) + "/controller.log") << std::string(10'000, 'x');
    h_.finish(ids.back(), "completed", true);
    if (i < 3) ids.push_back(start_job(submitted.job_id)->ex_id);
  }
  h_.loop.advance(30s);
  std::vector<std::string> statuses;
  for (const auto& id : ids) statuses.push_back(h_.status(id));
  EXPECT_THAT(statuses, ElementsAre("unknown", "unknown", "completed", "completed"));
}

}  // namespace
}  // namespace slicemill::master
