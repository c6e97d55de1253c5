// The service against controllers that the test plays, on virtual time: submit to finish, verbs, deaths, errors.
#include "master/master_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "api/dialects/teraslice/lucene_syntax.h"
#include "api/dialects/teraslice/teraslice_fields.h"
#include "core/ledger/slice_ledger.h"
#include "tests/master/master_harness.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MasterServiceTest : public ::testing::Test {
 protected:
  Result<ExecutionStatus> pause(const ExecutionId& id) {
    return h_.await<ExecutionStatus>([&](Reply<ExecutionStatus> reply) { h_.service->pause(id, std::move(reply)); });
  }
  Result<ExecutionStatus> resume(const ExecutionId& id) {
    return h_.await<ExecutionStatus>([&](Reply<ExecutionStatus> reply) { h_.service->resume(id, std::move(reply)); });
  }
  auto stop(const ExecutionId& id, const StopRequest& request = {}) {
    return h_.start<StopAnswer>([&](Reply<StopAnswer> reply) { h_.service->stop(id, request, std::move(reply)); });
  }
  Result<WorkersAnswer> workers(const ExecutionId& id, WorkerChange change, std::int64_t count) {
    return h_.await<WorkersAnswer>(
        [&](Reply<WorkersAnswer> reply) { h_.service->change_workers(id, change, count, std::move(reply)); });
  }
  Result<std::vector<Json>> errors(const std::optional<ExecutionId>& id, const RecordQuery& query = {}) {
    auto answer = h_.start<std::vector<Json>>(
        [&](Reply<std::vector<Json>> reply) { h_.service->errors(id, query, std::move(reply)); });
    h_.loop.run_ready();
    return answer->value_or(Error{ErrorCode::internal, "no answer"});
  }
  Result<Json> remove_job(const JobId& id) {
    return h_.await<Json>([&](Reply<Json> reply) { h_.service->delete_job(id, std::move(reply)); });
  }
  auto remove(const ExecutionId& id) {
    auto answer = h_.start<Json>([&](Reply<Json> reply) { h_.service->remove_execution(id, std::move(reply)); });
    h_.loop.run_ready();
    return answer;
  }
  Result<Submitted> recover(const ExecutionId& id) {
    return h_.await<Submitted>([&](Reply<Submitted> reply) { h_.service->recover(id, {}, std::move(reply)); });
  }
  // An ended execution whose ledger was noted: without one, as no real controller made it.
  ExecutionId ended_with_ledger(bool with_directory) {
    const auto submitted = h_.submit(MasterHarness::job(1));
    note_ledger(submitted.ex_id);
    if (with_directory) make_ledger(submitted.ex_id);
    h_.finish(submitted.ex_id, "stopped", true);
    return submitted.ex_id;
  }
  // A controller runs and tells of its ledger.
  void note_ledger(const ExecutionId& id) {
    const auto controller = h_.run(id);
    controller->ledger_made();
    h_.loop.run_ready();
    EXPECT_TRUE((*h_.registry->execution(id))->has_ledger);
  }
  void make_ledger(const ExecutionId& id) {
    const auto ledger = create_ledger(h_.loop, h_.layout.ledger_directory(id.text), {id.text, "{}", 1});
    ASSERT_TRUE(ledger) << ledger.error().message;
  }
  Result<Submitted> start_job(const JobId& id) {
    return h_.await<Submitted>([&](Reply<Submitted> reply) { h_.service->start_job(id, {}, std::move(reply)); });
  }

  MasterHarness h_;
};

// ---- submit, run, finish ----

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
  EXPECT_EQ(launch->job.operations.size(), 2U);
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

// ---- start while one lives ----

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

// ---- slots ----

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

// ---- pause, resume ----

TEST_F(MasterServiceTest, PauseAndResumeAnswerWhenMirrored) {
  const auto submitted = h_.submit(MasterHarness::job());
  EXPECT_EQ(pause(submitted.ex_id).error().code, ErrorCode::conflict);
  const auto controller = h_.run(submitted.ex_id);
  EXPECT_EQ(*pause(submitted.ex_id), ExecutionStatus::paused);
  EXPECT_EQ(h_.status(submitted.ex_id), "paused");
  EXPECT_EQ(*pause(submitted.ex_id), ExecutionStatus::paused);
  EXPECT_EQ(*resume(submitted.ex_id), ExecutionStatus::running);
  EXPECT_EQ(*resume(submitted.ex_id), ExecutionStatus::running);
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
  controller->finished("completed");
  h_.loop.run_ready();
  EXPECT_EQ(pause(submitted.ex_id).error().message,
            "no active execution context was found for ex_id: " + submitted.ex_id.text);
  EXPECT_EQ(pause(submitted.ex_id).error().code, ErrorCode::not_found);
}

// A stop, or the end, came between the verb's way to the controller and its answer.
TEST_F(MasterServiceTest, AVerbThatDidNotReachItsStatusSaysWhichOneItMet) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  controller->answers = false;
  const auto begin = [&](auto verb) {
    const auto answer = h_.start<ExecutionStatus>(
        [&](Reply<ExecutionStatus> reply) { ((*h_.service).*verb)(submitted.ex_id, std::move(reply)); });
    h_.loop.run_ready();
    return answer;
  };
  const auto last_verb = [&] { return controller->verbs.back().request_id; };
  const auto refusal = [](const auto& answer) {
    return *answer && !**answer ? (*answer)->error() : Error{ErrorCode::internal, "not refused"};
  };
  // The execution runs on, since somebody else resumed it.
  const auto overtaken = begin(&MasterService::pause);
  controller->answer(last_verb(), "running");
  h_.loop.run_ready();
  EXPECT_EQ(refusal(overtaken).code, ErrorCode::conflict);
  EXPECT_EQ(refusal(overtaken).message,
            "Execution " + submitted.ex_id.text + " is not available to pause, it is running");
  // An obstacle keeps it paused.
  controller->status("paused", "obstacle: disk full");
  const auto obstructed = begin(&MasterService::resume);
  controller->answer(last_verb(), "paused");
  h_.loop.run_ready();
  EXPECT_EQ(refusal(obstructed).message,
            "Execution " + submitted.ex_id.text + " is not available to resume, it is paused: obstacle: disk full");
  // Both waited while the stop was recorded here: whatever the controller answers, it stops.
  const auto paused = begin(&MasterService::pause);
  const auto pause_request = last_verb();
  const auto resumed = begin(&MasterService::resume);
  const auto resume_request = last_verb();
  const auto refused = begin(&MasterService::pause);
  const auto refused_request = last_verb();
  const auto stopped = stop(submitted.ex_id);
  h_.loop.run_ready();
  controller->answer(pause_request, "paused");
  controller->answer(resume_request, "stopping");
  controller->refuse(refused_request, ErrorCode::conflict, "execution is stopping and cannot be paused");
  h_.loop.run_ready();
  EXPECT_EQ(refusal(paused).message,
            "Execution " + submitted.ex_id.text + " is not available to pause, it is stopping");
  EXPECT_EQ(refusal(resumed).message,
            "Execution " + submitted.ex_id.text + " is not available to resume, it is stopping");
  EXPECT_EQ(refusal(refused).message, refusal(paused).message) << "the same words whoever was faster";
  controller->finished("stopped");
  h_.loop.run_ready();
  ASSERT_TRUE(*stopped);
  EXPECT_EQ((**stopped)->status, ExecutionStatus::stopped);
}

TEST_F(MasterServiceTest, AVerbWaitsForARestartedControllerAndHasALimit) {
  const auto submitted = h_.submit(MasterHarness::job());
  auto controller = h_.run(submitted.ex_id);
  controller->answers = false;
  const auto answer = h_.start<ExecutionStatus>(
      [&](Reply<ExecutionStatus> reply) { h_.service->pause(submitted.ex_id, std::move(reply)); });
  h_.loop.run_ready();
  ASSERT_THAT(controller->verbs, SizeIs(1));
  EXPECT_FALSE(*answer);
  h_.launcher.exit(h_.launcher.last_pid() - 2, {true, 0, SIGSEGV});  // controller, then two workers
  h_.loop.run_ready();
  controller = h_.run(submitted.ex_id);
  EXPECT_THAT(controller->verbs, SizeIs(1));  // sent again to the successor
  ASSERT_TRUE(*answer);
  EXPECT_EQ(***answer, ExecutionStatus::paused);

  controller->answers = false;
  const auto silent = h_.start<ExecutionStatus>(
      [&](Reply<ExecutionStatus> reply) { h_.service->resume(submitted.ex_id, std::move(reply)); });
  for (int i = 0; i < 31; ++i) {
    controller->status("paused");
    h_.loop.advance(1s);
  }
  ASSERT_TRUE(*silent);
  EXPECT_EQ((*silent)->error().code, ErrorCode::unavailable);
}

TEST_F(MasterServiceTest, ARefusedVerbIsThatError) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  controller->answers = false;
  const auto answer = h_.start<ExecutionStatus>(
      [&](Reply<ExecutionStatus> reply) { h_.service->pause(submitted.ex_id, std::move(reply)); });
  h_.loop.run_ready();
  controller->refuse(controller->verbs.at(0).request_id, ErrorCode::no_space, "ledger: disk full");
  h_.loop.run_ready();
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->error().code, ErrorCode::no_space);
  EXPECT_EQ((*answer)->error().message, "ledger: disk full");
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
}

// ---- stop ----

TEST_F(MasterServiceTest, ABlockingStopAnswersAtTheEnd) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  const auto answer = stop(submitted.ex_id);
  const auto second = stop(submitted.ex_id, {.force = true});
  h_.loop.run_ready();
  EXPECT_FALSE(*answer);
  EXPECT_EQ(h_.status(submitted.ex_id), "stopping");
  ASSERT_THAT(controller->verbs, SizeIs(2));
  EXPECT_EQ(controller->verbs[0].argument, "60000");
  EXPECT_EQ(controller->verbs[1].argument, "0");
  controller->status("running");  // sent before the controller heard of it
  EXPECT_EQ(h_.status(submitted.ex_id), "stopping");
  EXPECT_EQ(pause(submitted.ex_id).error().code, ErrorCode::conflict);
  controller->finished("stopped");
  h_.loop.run_ready();
  ASSERT_TRUE(*answer && *second);
  EXPECT_EQ((**answer)->status, ExecutionStatus::stopped);
  EXPECT_EQ((**second)->status, ExecutionStatus::stopped);
  const auto third = stop(submitted.ex_id);
  EXPECT_EQ((**third)->status, ExecutionStatus::stopped);
}

TEST_F(MasterServiceTest, AStopThatDoesNotBlockAnswersWhenTheControllerHasIt) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  const auto answer = stop(submitted.ex_id, {.blocking = false, .timeout_ms = 2'000});
  h_.loop.run_ready();
  ASSERT_TRUE(*answer);
  EXPECT_EQ((**answer)->status, ExecutionStatus::stopping);
  EXPECT_EQ(controller->verbs.at(0).argument, "2000");
}

TEST_F(MasterServiceTest, WorkersThatLeaveWhileStoppingAreNotReplaced) {
  const auto submitted = h_.submit(MasterHarness::job(2));
  const auto controller = h_.run(submitted.ex_id);
  const auto answer = stop(submitted.ex_id);
  h_.loop.run_ready();
  h_.launcher.exit(1002, {true, 0, SIGKILL});
  h_.loop.advance(5s);
  EXPECT_THAT(h_.launcher.workers, SizeIs(2));
  ASSERT_THAT(controller->worker_exits, SizeIs(1));
}

TEST_F(MasterServiceTest, StoppingAPendingExecutionNeedsNoProcess) {
  MasterHarness h(1);
  h.submit(MasterHarness::job(1));
  const auto waiting = h.submit(MasterHarness::job(1));
  ASSERT_EQ(h.status(waiting.ex_id), "pending");
  const auto answer =
      h.await<StopAnswer>([&](Reply<StopAnswer> reply) { h.service->stop(waiting.ex_id, {}, std::move(reply)); });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, ExecutionStatus::stopped);
  EXPECT_THAT(h.launcher.controllers, SizeIs(1));
  EXPECT_THAT(h.history(waiting.ex_id),
              ElementsAre(" created pending", "pending stop stopping", "stopping drained stopped"));
}

TEST_F(MasterServiceTest, AStopBeforeTheControllerIsUpIsToldAtItsHello) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto answer = stop(submitted.ex_id);
  h_.loop.run_ready();
  EXPECT_EQ(h_.status(submitted.ex_id), "stopping");
  const auto controller = h_.connect_controller(submitted.ex_id);
  ASSERT_FALSE(controller->verbs.empty());
  EXPECT_EQ(controller->verbs[0].verb, wire::VerbName::stop);
  controller->finished("stopped");
  h_.loop.run_ready();
  ASSERT_TRUE(*answer);
  EXPECT_EQ((**answer)->status, ExecutionStatus::stopped);
}

TEST_F(MasterServiceTest, AStopThatNobodyCarriesOutEndsAnyway) {
  const auto submitted = h_.submit(MasterHarness::job());
  auto controller = h_.run(submitted.ex_id);
  const auto answer = stop(submitted.ex_id, {.force = true});
  for (int i = 0; i < 17; ++i) {
    controller->status("stopping");
    h_.loop.advance(1s);
  }
  EXPECT_EQ(h_.launch_file(submitted.ex_id)["epoch"], 2);  // killed once, started again ...
  controller = h_.connect_controller(submitted.ex_id);
  for (int i = 0; i < 17; ++i) {
    controller->status("stopping");
    h_.loop.advance(1s);
  }
  ASSERT_TRUE(*answer);  // ... then given up
  EXPECT_EQ((**answer)->status, ExecutionStatus::terminated);
  EXPECT_EQ(h_.launcher.living(), 0U);
}

TEST_F(MasterServiceTest, StoppingWhatIsNotThere) {
  const auto answer = stop(ExecutionId("none"));
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->error().code, ErrorCode::not_found);
}

// ---- workers ----

TEST_F(MasterServiceTest, WorkersAreAddedRemovedAndSet) {
  const auto submitted = h_.submit(MasterHarness::job(2));
  const auto controller = h_.run(submitted.ex_id);
  auto answer = workers(submitted.ex_id, WorkerChange::add, 1);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->action, "enqueued");
  EXPECT_EQ(h_.executions->supervisor().live_workers(submitted.ex_id), 3);

  answer = workers(submitted.ex_id, WorkerChange::remove, 2);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->action, "remove");
  EXPECT_EQ(answer->count, 2);
  h_.loop.run_ready();
  ASSERT_FALSE(controller->wanted.empty());
  EXPECT_EQ(controller->wanted.back().workers, 1U);
  h_.launcher.exit(1002, {true, 0, 0});
  h_.launcher.exit(1003, {true, 0, 0});
  h_.loop.advance(10s);
  EXPECT_EQ(h_.executions->supervisor().live_workers(submitted.ex_id), 1);

  answer = workers(submitted.ex_id, WorkerChange::total, 2);
  EXPECT_EQ(answer->action, "enqueued");
  EXPECT_EQ(answer->count, 1);
  answer = workers(submitted.ex_id, WorkerChange::total, 2);
  EXPECT_EQ(answer->action, "set");

  EXPECT_EQ(workers(submitted.ex_id, WorkerChange::remove, 2).error().message,
            "workers to be removed: 2 cannot be >= to current workers: 2");
  EXPECT_EQ(workers(submitted.ex_id, WorkerChange::add, 0).error().code, ErrorCode::invalid);
  EXPECT_EQ(workers(ExecutionId("none"), WorkerChange::add, 1).error().code, ErrorCode::not_found);
}

TEST_F(MasterServiceTest, WantedWorkersOutliveTheMaster) {
  const auto submitted = h_.submit(MasterHarness::job(2));
  auto controller = h_.run(submitted.ex_id);
  ASSERT_TRUE(workers(submitted.ex_id, WorkerChange::add, 2));
  h_.restart();
  h_.launcher.exit(1002, {});
  h_.loop.advance(5s);
  EXPECT_EQ(h_.executions->supervisor().live_workers(submitted.ex_id), 4);
}

// ---- errors, stats, cluster ----

TEST_F(MasterServiceTest, ErrorsOfALiveExecutionComeFromItsController) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  controller->query_body = R"([{"slice_id":"b","slicer_order":1,"error":"disk"},)"
                           R"({"slice_id":"c","slicer_order":2,"error":"net"},)"
                           R"({"slice_id":"a","slicer_order":3,"error":"disk"}])";
  controller->status("failing", "x", R"({"failed":1})");
  h_.loop.run_ready();
  RecordQuery query;
  const auto ids = [](const Result<std::vector<Json>>& records) {
    std::string text;
    if (records)
      for (const Json& record : *records) text += record["slice_id"].get<std::string>();
    return records ? text : records.error().message;
  };
  EXPECT_EQ(ids(errors(submitted.ex_id)), "bca");
  EXPECT_EQ(ids(errors(std::nullopt)), "bca");
  query.from = 1;
  query.size = 1;
  EXPECT_EQ(ids(errors(submitted.ex_id, query)), "c");
  query = {};
  query.sort = *query::parse_sort("slice_id:asc", api::teraslice::slice_fields());
  EXPECT_EQ(ids(errors(submitted.ex_id, query)), "abc");
  query.from = 1;
  query.size = 1;
  EXPECT_EQ(ids(errors(std::nullopt, query)), "b");
  query.filter = *api::teraslice::parse_filter("error:disk AND slicer_order:>0", api::teraslice::slice_fields(), 0);
  EXPECT_EQ(ids(errors(submitted.ex_id, query)), "b");
  query.sort.clear();
  EXPECT_EQ(ids(errors(submitted.ex_id, query)), "a");
  EXPECT_THAT(*errors(ExecutionId("none")), IsEmpty()) << "a search that finds nothing";
}

TEST_F(MasterServiceTest, ErrorsOfAnEndedExecutionComeFromItsLedger) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  {
    std::filesystem::create_directories(h_.layout.data + "/ledgers");
    auto ledger =
        create_ledger(h_.loop, h_.layout.ledger_directory(submitted.ex_id.text), {submitted.ex_id.text, "{}", 1});
    ASSERT_TRUE(ledger) << ledger.error().message;
    LedgerBatch batch;
    SliceRun run;
    run.first_order = 1;
    run.requests = ListRequests{{R"({"n":1})"}};
    batch.created.push_back(run);
    OpenRow row;
    row.key = {0, 0, 1};
    row.request = R"({"n":1})";
    row.error = "it broke";
    batch.rows.push_back(row);
    batch.settled.push_back(row.key);
    bool synced = false;
    (*ledger)->write(std::move(batch), [&](const Result<void>& result) { synced = bool(result); });
    ASSERT_TRUE(h_.loop.run_until([&] { return synced; }));
    ASSERT_TRUE((*ledger)->close());
  }
  controller->finished("failed", "1 failure", R"({"failed":1})");
  h_.loop.run_ready();
  for (const auto& id : {std::optional<ExecutionId>(submitted.ex_id), std::optional<ExecutionId>()}) {
    const auto list = errors(id);
    ASSERT_TRUE(list) << list.error().message;
    ASSERT_THAT(*list, SizeIs(1));
    EXPECT_EQ((*list)[0]["state"], "error");
    EXPECT_EQ((*list)[0]["request"], R"({"n":1})");
    EXPECT_EQ((*list)[0]["slice_id"], slice_id(submitted.ex_id.text, SliceKey{0, 0, 1}));
  }
}

TEST_F(MasterServiceTest, StatsAndClusterViews) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto stats = [&] {
    return h_.await<ControllerView>(
        [&](Reply<ControllerView> reply) { h_.service->controller_stats(submitted.ex_id, std::move(reply)); });
  };
  EXPECT_EQ(stats().error().message, "execution " + submitted.ex_id.text + " has no controller at present");
  const auto controller = h_.run(submitted.ex_id);
  controller->status("running", "", R"({"processed":10,"failed":1,"queued":5,"workers_joined":1})");
  h_.loop.run_ready();
  controller->query_body =
      encode_stats({.slices = {.processed = 11}});  // asked of the controller itself, newer than what it reported
  EXPECT_EQ(stats()->stats.slices.processed, 11U);
  EXPECT_EQ(stats()->ex_id, submitted.ex_id);
  EXPECT_EQ(stats()->name, "a job");
  EXPECT_THAT(h_.service->controllers(), SizeIs(1));

  const Json node = h_.service->cluster_state()["host"];
  EXPECT_EQ(node["total"], 8);
  EXPECT_EQ(node["available"], 7);
  ASSERT_THAT(node["active"], SizeIs(4));
  EXPECT_EQ(node["active"][0]["assignment"], "cluster_master");
  EXPECT_EQ(node["active"][0]["pid"], 4711);
  EXPECT_EQ(node["active"][1]["assignment"], "assets_service");
  EXPECT_EQ(node["active"][1]["pid"], 4711);
  EXPECT_EQ(node["active"][2]["assignment"], "execution_controller");
  EXPECT_EQ(node["active"][2]["worker_id"], 3);
  EXPECT_EQ(node["active"][3]["job_id"], submitted.job_id.text);
  EXPECT_EQ(h_.service->cluster_info()["name"], "test");

  controller->status("running", "", R"({"processed":12,"failed":1,"queued":2})");
  controller->status("running", "", R"({"processed":3,"failed":0,"queued":2})");  // began again
  h_.loop.run_ready();
  EXPECT_EQ(h_.service->cluster_counters().processed, 15);
  EXPECT_EQ(h_.service->cluster_counters().queued, 2);
  controller->finished("completed", "", R"({"processed":4,"failed":0,"queued":1})");
  h_.loop.run_ready();
  EXPECT_EQ(h_.service->cluster_counters().processed, 16);
  EXPECT_EQ(h_.service->cluster_counters().queued, 0);
  EXPECT_THAT(h_.service->controllers(), IsEmpty());
}

// ---- ledgers that are lost ----

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

// ---- removing executions ----

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
  batch.removed.push_back({id, (*h_.registry->execution(id))->seq, 1, ""});
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

// ---- a data directory that is a copy ----

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

// ---- jobs ----

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
  EXPECT_EQ(updated->document["workers"], 5);
  EXPECT_NE(updated->document["_created"], "mine");
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

TEST_F(MasterServiceTest, JobsAreShownWithTheirLatestExecution) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto shown = [&](const std::optional<ExecutionFields>& fields) {
    return *whole_document(*h_.await<ShownDocument>(
        [&](Reply<ShownDocument> reply) { h_.service->get_job(submitted.job_id, fields, std::move(reply)); }));
  };
  const auto listed = [&](const std::optional<ExecutionFields>& fields) {
    ListQuery query;
    query.execution_fields = fields;
    const auto listed_jobs = h_.await<ListedDocuments>(
        [&](Reply<ListedDocuments> reply) { h_.service->list_jobs(query, std::move(reply)); });
    return *whole_document(**listed_jobs->documents->next());
  };
  EXPECT_FALSE(shown(std::nullopt).contains("ex"));
  EXPECT_FALSE(listed(std::nullopt).contains("ex"));
  const ExecutionFields some{{"ex_id", "_status", "nope"}};
  const Json wanted = {{"ex_id", submitted.ex_id.text}, {"_status", "scheduling"}};
  EXPECT_EQ(shown(some)["ex"], wanted);
  EXPECT_EQ(listed(some)["ex"], wanted);
  EXPECT_EQ(shown(ExecutionFields{})["ex"], h_.document(submitted.ex_id));
  h_.finish(submitted.ex_id, "completed", true);
  ASSERT_TRUE(remove_job(submitted.job_id));
  EXPECT_EQ(shown(some)["ex"], Json::object());
}

// Documents are read when they are sent: what left the list meanwhile is not in it.
TEST_F(MasterServiceTest, AJobThatIsDeletedWhileItsListIsSentIsLeftOut) {
  const auto first = h_.submit(MasterHarness::job());
  const auto second = h_.submit(MasterHarness::job());
  h_.finish(first.ex_id, "completed", true);
  h_.finish(second.ex_id, "completed", true);
  const auto jobs =
      h_.await<ListedDocuments>([&](Reply<ListedDocuments> reply) { h_.service->list_jobs({}, std::move(reply)); });
  const auto executions = h_.await<ListedDocuments>(
      [&](Reply<ListedDocuments> reply) { h_.service->list_executions({}, std::move(reply)); });
  ASSERT_TRUE(remove_job(first.job_id));
  EXPECT_EQ((*whole_document(**jobs->documents->next()))["job_id"], second.job_id.text);
  EXPECT_FALSE(*jobs->documents->next());
  EXPECT_EQ((*whole_document(**executions->documents->next()))["job_id"], second.job_id.text);
  EXPECT_FALSE(*executions->documents->next());
}

TEST_F(MasterServiceTest, ListsOfExecutionsKnowStatuses) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto list = [&](std::optional<std::vector<ExecutionStatus>> statuses) {
    ListQuery query;
    query.statuses = std::move(statuses);
    const auto listed = h_.await<ListedDocuments>(
        [&](Reply<ListedDocuments> reply) { h_.service->list_executions(query, std::move(reply)); });
    std::size_t count = 0;
    while (*listed->documents->next()) ++count;
    return count;
  };
  EXPECT_EQ(list(std::nullopt), 1U);
  EXPECT_EQ(list(std::vector{ExecutionStatus::scheduling, ExecutionStatus::failed}), 1U);
  EXPECT_EQ(list(std::vector<ExecutionStatus>()), 0U);
  EXPECT_EQ(list(std::vector{ExecutionStatus::completed}), 0U);
}

TEST_F(MasterServiceTest, LogLevelReachesTheController) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto set = [&](const std::string& level) {
    return h_.await<ExecutionId>(
        [&](Reply<ExecutionId> reply) { h_.service->set_log_level(submitted.job_id, level, std::move(reply)); });
  };
  EXPECT_EQ(set("loud").error().message,
            "Invalid log level \"loud\", must be one of: trace, debug, info, warn, error, fatal");
  EXPECT_EQ(set("debug").error().message, "Execution " + submitted.ex_id.text + " is not available");
  const auto controller = h_.run(submitted.ex_id);
  EXPECT_EQ(set("debug")->text, submitted.ex_id.text);
  h_.loop.run_ready();
  ASSERT_FALSE(controller->wanted.empty());
  EXPECT_EQ(controller->wanted.back().log_level, "debug");
}

// Whoever missed it: it is a level, and so are the wanted workers.
TEST_F(MasterServiceTest, LevelsAreToldUntilTheControllerReportsThem) {
  const auto submitted = h_.submit(MasterHarness::job(3));
  const auto controller = h_.run(submitted.ex_id);
  ASSERT_TRUE(workers(submitted.ex_id, WorkerChange::total, 1));
  ASSERT_TRUE(h_.await<ExecutionId>(
      [&](Reply<ExecutionId> reply) { h_.service->set_log_level(submitted.job_id, "trace", std::move(reply)); }));
  h_.loop.run_ready();
  controller->obeys = false;
  for (std::size_t told = controller->wanted.size(); told < 6; ++told) {
    controller->status("running");
    h_.loop.run_ready();
    ASSERT_EQ(controller->wanted.size(), told + 1);
    EXPECT_EQ(controller->wanted.back(), (wire::Wanted{1, "trace"}));
  }
  controller->obeys = true;
  const std::size_t told = controller->wanted.size();
  controller->status("running");
  h_.loop.run_ready();
  EXPECT_EQ(controller->wanted.size(), told) << "it keeps to them";
}

TEST_F(MasterServiceTest, AQuestionWithoutAnAnswerIsAskedAgain) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  controller->answers = false;
  std::optional<Result<ExecutionStatus>> answer;
  h_.service->pause(submitted.ex_id, [&](const Result<ExecutionStatus>& reached) { answer = reached; });
  h_.loop.run_ready();
  ASSERT_THAT(controller->verbs, SizeIs(1));
  controller->status("running");
  h_.loop.run_ready();
  EXPECT_THAT(controller->verbs, SizeIs(1)) << "it may be at work on it";
  h_.loop.advance(ControllerLinks::kAskAgain);
  controller->status("running");
  h_.loop.run_ready();
  ASSERT_THAT(controller->verbs, SizeIs(2));
  EXPECT_EQ(controller->verbs[0], controller->verbs[1]);
  controller->answer(controller->verbs[1].request_id, "paused");
  ASSERT_TRUE(h_.loop.run_until([&] { return answer.has_value(); }, 5s));
  EXPECT_EQ(**answer, ExecutionStatus::paused);
}

TEST_F(MasterServiceTest, AClosedServiceStartsNothing) {
  h_.service->close();
  const auto answer = h_.await<Submitted>(
      [&](Reply<Submitted> reply) { h_.service->submit(MasterHarness::job(), {}, std::move(reply)); });
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace slicemill::master
