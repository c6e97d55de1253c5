// An execution from its submission to its end, against controllers that the test plays, on virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/master/master_service_fixture.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(MasterServiceTest, AJobRunsFromSubmitToCompleted) {
  const Submitted submitted = h_.submit(MasterHarness::job(2));
  EXPECT_EQ(submitted.job_seq, 1);
  EXPECT_EQ(h_.status(submitted.ex_id), "scheduling");
  ASSERT_THAT(h_.launcher.controllers, SizeIs(1));
  ASSERT_THAT(h_.launcher.workers, SizeIs(2));
  EXPECT_NE(h_.launcher.workers[0].worker_id, h_.launcher.workers[1].worker_id);
  EXPECT_EQ(h_.launcher.workers[0].controller_endpoint, h_.layout.controller_endpoint(submitted.ex_id.text));
  EXPECT_THAT(h_.launcher.workers[1].log_path, HasSubstr(submitted.ex_id.text + "/worker-2.log"));

  const auto launch = ControllerLaunch::from_json(h_.launch_file(submitted.ex_id));
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->epoch, 1U);
  EXPECT_EQ(launch->job.plan.size(), 2U);
  EXPECT_EQ(launch->job.ex_id, submitted.ex_id.text);
  EXPECT_EQ(launch->source_ledger_directory, "");

  const auto controller = h_.connect_controller(submitted.ex_id);
  EXPECT_EQ(controller->welcomes, 1);
  EXPECT_EQ(h_.status(submitted.ex_id), "initializing");
  controller->status("running");
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
  controller->finished("completed");
  EXPECT_EQ(h_.status(submitted.ex_id), "completed");
  EXPECT_EQ(controller->finished_acks, 1);
  EXPECT_EQ(h_.executions->find(submitted.ex_id), nullptr);
  EXPECT_THAT(h_.history(submitted.ex_id),
              ElementsAre(" created pending", "pending admitted scheduling", "scheduling controller_up initializing",
                          "initializing slicer_ready running", "running all_done completed"));
  const Json document = h_.document(submitted.ex_id);
  EXPECT_EQ(document["_slicer_stats"]["processed"], 3);
  EXPECT_EQ(document["_has_errors"], false);
  EXPECT_EQ(document["_context"], "ex");
  EXPECT_EQ(document["job_id"], submitted.job_id.text);
  EXPECT_THAT(document["log_path"].get<std::string>(), HasSubstr("/controller.log"));
}

TEST_F(MasterServiceTest, NothingIsAnsweredOrStartedBeforeItIsDurable) {
  const auto answer = h_.start<Submitted>(
      [&](Reply<Submitted> reply) { h_.service->submit(MasterHarness::job(), {}, std::move(reply)); });
  EXPECT_FALSE(*answer);
  EXPECT_THAT(h_.launcher.controllers, IsEmpty());
  h_.loop.run_ready();
  ASSERT_TRUE(*answer && **answer);
  EXPECT_THAT(h_.launcher.controllers, SizeIs(1));
}

TEST_F(MasterServiceTest, ProcessesThatDoNotLeaveAfterTheEndAreKilled) {
  const auto submitted = h_.submit(MasterHarness::job(2));
  h_.finish(submitted.ex_id, "completed");
  EXPECT_EQ(h_.launcher.living(), 3U);
  EXPECT_THAT(h_.launcher.signals, IsEmpty());
  h_.loop.advance(31s);
  EXPECT_EQ(h_.launcher.living(), 0U);
  EXPECT_FALSE(h_.executions->supervisor().has_group(submitted.ex_id));
  EXPECT_THAT(*h_.registry->processes(), IsEmpty());
}

TEST_F(MasterServiceTest, InvalidJobsAreRefused) {
  const auto submit = [&](Json posted) {
    return h_.await<Submitted>(
        [&](Reply<Submitted> reply) { h_.service->submit(std::move(posted), {}, std::move(reply)); });
  };
  EXPECT_EQ(submit(Json::object()).error().message, "No job was posted");
  Json with_id = MasterHarness::job();
  with_id["job_id"] = "x";
  EXPECT_EQ(submit(with_id).error().message, "Job cannot include a job_id on submit");
  Json unknown = MasterHarness::job();
  unknown["operations"][1]["_op"] = "refused";
  EXPECT_THAT(submit(unknown).error().message, HasSubstr("Unable to find module for operation: refused"));
  EXPECT_THAT(*h_.registry->jobs({}), IsEmpty());
}

TEST_F(MasterServiceTest, AJobIsKeptAsPostedAndNotStartedOnDemand) {
  const auto answer = h_.await<Submitted>(
      [&](Reply<Submitted> reply) { h_.service->submit(MasterHarness::job(), {.start = false}, std::move(reply)); });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->ex_id.empty());
  const auto shown = h_.await<ShownDocument>(
      [&](Reply<ShownDocument> reply) { h_.service->get_job(answer->job_id, std::nullopt, std::move(reply)); });
  ASSERT_TRUE(shown);
  const auto job = whole_document(*shown);
  ASSERT_TRUE(job);
  EXPECT_FALSE(job->contains("lifecycle"));
  EXPECT_EQ((*job)["_context"], "job");
  EXPECT_EQ(h_.service->latest_execution(answer->job_id).error().message,
            "No execution was found for job " + answer->job_id.text);
}

TEST_F(MasterServiceTest, FailuresKeepTheirReason) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  controller->status("failing", "slice failure", R"({"processed":1,"failed":1})");
  EXPECT_EQ(h_.status(submitted.ex_id), "failing");
  EXPECT_EQ(h_.document(submitted.ex_id)["_failureReason"], "slice failure");
  controller->finished("failed", "had 1 slice failure", R"({"processed":2,"failed":1})");
  EXPECT_EQ(h_.status(submitted.ex_id), "failed");
  const Json document = h_.document(submitted.ex_id);
  EXPECT_EQ(document["_failureReason"], "had 1 slice failure");
  EXPECT_EQ(document["_has_errors"], true);
  EXPECT_THAT(*h_.registry->executions_with_errors(10), ElementsAre(submitted.ex_id));
}

TEST_F(MasterServiceTest, DocumentsTellTheProgressAndAtTheEndTheSummary) {
  const auto submitted = h_.submit(MasterHarness::job());
  EXPECT_TRUE(h_.document(submitted.ex_id)["progress"]["percent"].is_null()) << "nobody knows yet";
  const auto controller = h_.run(submitted.ex_id);
  controller->status("running", "", R"({"processed":1,"progress":{"percent":12.5,"rate":100,"eta":9}})");
  h_.loop.run_ready();
  Json document = h_.document(submitted.ex_id);
  EXPECT_EQ(document["progress"]["percent"], 12.5);
  EXPECT_EQ(document["progress"]["eta"], 9);
  EXPECT_FALSE(document.contains("summary"));
  // Lists that are kept are made anew, though at most once a second.
  const auto before = h_.service->revision();
  controller->status("running", "", R"({"processed":2,"progress":{"percent":25,"rate":100,"eta":8}})");
  h_.loop.run_ready();
  EXPECT_EQ(h_.service->revision(), before);
  EXPECT_EQ(h_.document(submitted.ex_id)["progress"]["percent"], 25);
  h_.loop.advance(1s);
  EXPECT_NE(h_.service->revision(), before);

  controller->finished("completed", "",
                       R"({"processed":4,"progress":{"percent":100,"rate":3},"records_in":4,"summary":{"ex_id":"e"}})");
  h_.loop.run_ready();
  document = h_.document(submitted.ex_id);
  EXPECT_EQ(document["progress"]["percent"], 100);
  EXPECT_TRUE(document["progress"]["rate"].is_null()) << "nothing gets on any more";
  EXPECT_EQ(document["summary"]["records_in"], 4);
  EXPECT_EQ(document["_slicer_stats"]["processed"], 4);
  EXPECT_FALSE(document["_slicer_stats"].contains("progress"));
  EXPECT_FALSE(document["_slicer_stats"].contains("summary"));
}

TEST_F(MasterServiceTest, OfAControllerThatIsGoneTheProgressStaysWithoutItsRates) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  controller->status("running", "", R"({"processed":1,"progress":{"percent":12.5,"rate":100,"eta":9}})");
  h_.launcher.exit(1001, {true, 0, SIGKILL});  // the first process that was started
  h_.loop.run_ready();
  const Json progress = h_.document(submitted.ex_id)["progress"];
  EXPECT_EQ(progress["percent"], 12.5);
  EXPECT_TRUE(progress["rate"].is_null());
  EXPECT_TRUE(progress["eta"].is_null());
}

TEST_F(MasterServiceTest, OnlyFinishedEndsAnExecution) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  controller->status("completed");
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
  controller->status("no such status");
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
}

TEST_F(MasterServiceTest, AnOutcomeIsTakenAndAcknowledgedAgain) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  controller->finished("completed");
  h_.loop.run_ready();
  controller->finished("failed", "must not count");
  h_.loop.run_ready();
  EXPECT_EQ(controller->finished_acks, 2);
  EXPECT_EQ(h_.status(submitted.ex_id), "completed");
}

TEST_F(MasterServiceTest, AJobRunsOnceAtATime) {
  const auto submitted = h_.submit(MasterHarness::job());
  const std::string text =
      "Job " + submitted.job_id.text + " is currently running, cannot have the same job concurrently running";
  EXPECT_EQ(start_job(submitted.job_id).error().message, text);
  EXPECT_EQ(start_job(submitted.job_id).error().code, ErrorCode::conflict);
  const auto recover = h_.await<Submitted>(
      [&](Reply<Submitted> reply) { h_.service->recover_job(submitted.job_id, {}, std::move(reply)); });
  EXPECT_EQ(recover.error().message, text);
  EXPECT_EQ(remove_job(submitted.job_id).error().code, ErrorCode::conflict);

  const auto controller = h_.run(submitted.ex_id);
  controller->finished("completed");
  h_.loop.run_ready();
  const auto again = start_job(submitted.job_id);
  ASSERT_TRUE(again);
  EXPECT_NE(again->ex_id, submitted.ex_id);
  // The predecessor's processes still live: the successor waits for them, and says so.
  EXPECT_EQ(h_.status(again->ex_id), "pending");
  EXPECT_THAT(h_.document(again->ex_id)["_status_reason"].get<std::string>(), HasSubstr("previous execution"));
  h_.loop.advance(31s);
  EXPECT_EQ(h_.status(again->ex_id), "scheduling");
  EXPECT_EQ(h_.launch_file(again->ex_id)["epoch"], 2);
}

TEST(MasterSlots, ExecutionsStartWithWhatThereIs) {
  MasterHarness h(3);
  const auto first = h.submit(MasterHarness::job(2));
  const auto second = h.submit(MasterHarness::job(2));
  const auto third = h.submit(MasterHarness::job(1));
  EXPECT_EQ(h.status(second.ex_id), "scheduling");
  EXPECT_EQ(h.document(second.ex_id)["_status_reason"], "waiting for 1 slot");
  EXPECT_EQ(h.status(third.ex_id), "pending");
  EXPECT_EQ(h.launcher.workers.size(), 3U);

  h.finish(first.ex_id, "completed", true);
  EXPECT_EQ(h.status(third.ex_id), "scheduling");
  EXPECT_FALSE(h.document(second.ex_id).contains("_status_reason"));
  EXPECT_EQ(h.launcher.workers.size(), 5U);
}

TEST_F(MasterServiceTest, AMasterOnACopyEndsWhatLivesThereAndTouchesNoProcess) {
  const auto running = h_.submit(MasterHarness::job(1));
  h_.run(running.ex_id);
  h_.loop.run_ready();
  h_.copied_from = "/original";
  h_.restart();
  h_.copied_from.clear();
  EXPECT_EQ(h_.status(running.ex_id), "terminated");
  EXPECT_THAT(h_.document(running.ex_id)["_failureReason"].get<std::string>(), HasSubstr("a copy of /original"));
  EXPECT_THAT(h_.launcher.signals, IsEmpty());
  EXPECT_THAT(h_.executions->supervisor().processes(), IsEmpty());
  EXPECT_TRUE(h_.registry->processes()->empty());
  EXPECT_FALSE((*h_.registry->execution(running.ex_id))->owns_staging);
  h_.loop.advance(60s);
  EXPECT_THAT(h_.launcher.signals, IsEmpty());
  EXPECT_THAT(h_.launcher.controllers, SizeIs(1));
}

TEST_F(MasterServiceTest, AMasterWhoseDirectoryMovedReplacesTheProcesses) {
  const auto running = h_.submit(MasterHarness::job(1));
  h_.run(running.ex_id);
  const auto before = h_.executions->supervisor().processes();
  h_.moved_from = "/before";
  h_.restart();
  h_.moved_from.clear();
  for (const auto& row : before)
    EXPECT_THAT(h_.launcher.signals, ::testing::Contains(std::pair<pid_t, int>(row.process.pid, SIGKILL)));
  h_.loop.advance(1s);
  EXPECT_THAT(h_.launcher.controllers, SizeIs(2));
  EXPECT_EQ(h_.status(running.ex_id), "running");
}

TEST_F(MasterServiceTest, AClosedServiceStartsNothing) {
  h_.service->close();
  const auto answer = h_.await<Submitted>(
      [&](Reply<Submitted> reply) { h_.service->submit(MasterHarness::job(), {}, std::move(reply)); });
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace slicemill::master
