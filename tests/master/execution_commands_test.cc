// Pause, resume, stop, workers, log levels: what is asked of an execution, and when that is answered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/master/master_service_fixture.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::SizeIs;

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

}  // namespace
}  // namespace slicemill::master
