// Deaths, silence, recoveries and restarts of the master, on virtual time.
#include "master/executions/executions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/fault.h"
#include "tests/master/master_harness.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ExecutionsTest : public ::testing::Test {
 protected:
  pid_t controller_pid(const ExecutionId& id) {
    for (const auto& row : h_.executions->supervisor().processes()) {
      if (row.ex_id == id && row.is_controller) return row.process.pid;
    }
    return 0;
  }
  void write_outcome(const ExecutionId& id, ExecutionStatus status) {
    std::filesystem::create_directories(h_.layout.data + "/ledgers");
    auto ledger = create_ledger(h_.loop, h_.layout.ledger_directory(id.text), {id.text, "{}", 1});
    ASSERT_TRUE(ledger) << ledger.error().message;
    LedgerBatch batch;
    if (is_terminal(status)) batch.outcome = LedgerOutcome{status, "from the ledger", 1};
    batch.wanted = WantedState::running;
    bool synced = false;
    (*ledger)->write(std::move(batch), [&](const Result<void>& result) { synced = bool(result); });
    ASSERT_TRUE(h_.loop.run_until([&] { return synced; }));
    ASSERT_TRUE((*ledger)->close());
  }
  Result<Submitted> recover_job(const JobId& id, CleanupType cleanup) {
    return h_.await<Submitted>(
        [&](Reply<Submitted> reply) { h_.service->recover_job(id, {.cleanup = cleanup}, std::move(reply)); });
  }

  MasterHarness h_;
};

// ---- creations ----

class CreationTest : public ExecutionsTest {
 protected:
  CreationTest() {
    set_fault_handler([this](std::string_view point) -> Result<void> {
      if (point != "registry.commit") return {};
      if (h_.launcher.controllers.empty()) ++commits_before_a_start_;
      if (full_) return errno_error(ENOSPC, "cannot write", "registry");
      return {};
    });
  }
  ~CreationTest() override { set_fault_handler(nullptr); }
  auto submit() {
    return h_.start<Submitted>(
        [this](Reply<Submitted> reply) { h_.service->submit(MasterHarness::job(), {}, std::move(reply)); });
  }

  bool full_ = false;
  int commits_before_a_start_ = 0;
};

TEST_F(CreationTest, IsWrittenTogetherWithTheStartThatFollows) {
  const auto answer = submit();
  h_.loop.run_ready();
  ASSERT_TRUE(*answer && **answer);
  ASSERT_THAT(h_.launcher.controllers, SizeIs(1));
  EXPECT_EQ(commits_before_a_start_, 1);
  const ExecutionId id = (**answer)->ex_id;
  EXPECT_THAT(h_.history(id), ElementsAre(" created pending", "pending admitted scheduling"));
  EXPECT_EQ(h_.launch_file(id)["epoch"], 1);
  h_.launcher.exit(controller_pid(id), ProcessExit{true, 0, SIGKILL});
  h_.loop.run_ready();
  EXPECT_EQ(h_.launch_file(id)["epoch"], 2) << "the first one's is used up";
}

TEST_F(CreationTest, ThatCannotBeWrittenLeavesNothing) {
  full_ = true;
  const auto refused = submit();
  h_.loop.run_ready();
  ASSERT_TRUE(*refused && !**refused);
  EXPECT_THAT((*refused)->error().message, HasSubstr("No space left on device"));
  EXPECT_THAT(h_.executions->all(), IsEmpty());
  EXPECT_THAT(h_.launcher.controllers, IsEmpty());
  full_ = false;
  const auto answer = submit();
  h_.loop.run_ready();
  ASSERT_TRUE(*answer && **answer);
  EXPECT_THAT(h_.launcher.controllers, SizeIs(1));
}

TEST_F(CreationTest, AStopThatComesFirstStartsNothing) {
  const auto answer = submit();
  const ExecutionId id = h_.executions->all().at(0)->ex_id;
  const auto stopped =
      h_.start<StopAnswer>([&](Reply<StopAnswer> reply) { h_.service->stop(id, {}, std::move(reply)); });
  h_.loop.run_ready();
  ASSERT_TRUE(*answer && **answer);
  ASSERT_TRUE(*stopped && **stopped);
  EXPECT_EQ((*stopped)->value().status, ExecutionStatus::stopped);
  EXPECT_EQ(h_.status(id), "stopped");
  EXPECT_THAT(h_.launcher.controllers, IsEmpty());
}

// ---- the table ----

TEST_F(ExecutionsTest, EventsThatMeanNothingChangeNothing) {
  const auto submitted = h_.submit(MasterHarness::job());
  h_.run(submitted.ex_id);
  LiveExecution& live = *h_.executions->find(submitted.ex_id);
  EXPECT_FALSE(h_.executions->change(live, ExecutionEvent::admitted, ""));
  EXPECT_FALSE(h_.executions->change(live, ExecutionEvent::drained, ""));
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
}

TEST_F(ExecutionsTest, EveryLineOfEveryHistoryIsARowOfTheTable) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  for (const char* status : {"failing", "running", "paused", "running", "failing", "paused", "failing", "stopping"}) {
    controller->status(status, "because");
    EXPECT_EQ(h_.status(submitted.ex_id), status);
  }
  controller->finished("completed");
  EXPECT_EQ(h_.status(submitted.ex_id), "completed");
  const auto rows = h_.registry->history(submitted.ex_id);
  ASSERT_TRUE(rows);
  for (std::size_t i = 1; i < rows->size(); ++i) {
    const auto& line = (*rows)[i];
    const auto table = execution_transitions();
    const bool in_table = std::any_of(table.begin(), table.end(), [&](const Transition& row) {
      return to_string(row.from) == line.from && to_string(row.event) == line.event && to_string(row.to) == line.to;
    });
    EXPECT_TRUE(in_table) << line.from << " " << line.event << " " << line.to;
    EXPECT_EQ(line.from, (*rows)[i - 1].to);
  }
}

// ---- deaths ----

TEST_F(ExecutionsTest, ADeadControllerIsStartedAgainForTheSameExecutionUnderAHigherEpoch) {
  const auto submitted = h_.submit(MasterHarness::job(2));
  const auto first = h_.run(submitted.ex_id);
  h_.launcher.exit(controller_pid(submitted.ex_id), {true, 0, SIGKILL});
  h_.loop.run_ready();
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
  EXPECT_THAT(h_.document(submitted.ex_id)["_status_reason"].get<std::string>(), HasSubstr("signal 9"));
  ASSERT_THAT(h_.launcher.controllers, SizeIs(2));  // at once
  EXPECT_THAT(h_.launcher.workers, SizeIs(2));      // workers live on
  EXPECT_EQ(h_.launch_file(submitted.ex_id)["epoch"], 2);
  // What the dead one still says counts no more.
  first->finished("failed", "stale");
  const auto second = h_.run(submitted.ex_id);
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
  EXPECT_FALSE(h_.document(submitted.ex_id).contains("_status_reason"));
  second->finished("completed");
  EXPECT_EQ(h_.status(submitted.ex_id), "completed");
}

TEST_F(ExecutionsTest, AControllerOfAnOldEpochIsKilled) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto old = h_.run(submitted.ex_id);
  h_.launcher.exit(controller_pid(submitted.ex_id), {true, 0, SIGKILL});
  h_.run(submitted.ex_id);
  const ProcessIdentity zombie = h_.launcher.spawn();
  ScriptedController late(*h_.hub, submitted.ex_id.text, 1, zombie);
  late.hello();
  h_.loop.run_ready();
  EXPECT_EQ(late.welcomes, 0);
  EXPECT_THAT(h_.launcher.signals, Contains(std::pair<pid_t, int>(zombie.pid, SIGKILL)));
  EXPECT_TRUE(h_.executions->links().connected(submitted.ex_id));
}

TEST_F(ExecutionsTest, AControllerThatDiesAgainAndAgainIsGivenUpWithItsWorkers) {
  const auto submitted = h_.submit(MasterHarness::job(2));
  h_.run(submitted.ex_id);
  for (int i = 0; i < 11; ++i) {
    ASSERT_NE(controller_pid(submitted.ex_id), 0) << i;
    h_.launcher.exit(controller_pid(submitted.ex_id), {true, 3, 0});
    h_.loop.advance(5s);
  }
  EXPECT_EQ(h_.status(submitted.ex_id), "failed");
  const auto reason = h_.document(submitted.ex_id)["_failureReason"].get<std::string>();
  EXPECT_THAT(reason, HasSubstr("died 11 times within a minute of its start, last: exit code 3"));
  EXPECT_THAT(reason, HasSubstr(h_.layout.log_directory(submitted.ex_id.text) + "/controller.log"));
  EXPECT_THAT(h_.launcher.controllers, SizeIs(11));
  EXPECT_EQ(h_.launcher.living(), 0U);
}

TEST_F(ExecutionsTest, AProgramThatCannotBeStartedFailsTheExecutionWithTheReason) {
  h_.launcher.failing_starts = 100;
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.loop.advance(60s);
  EXPECT_EQ(h_.status(submitted.ex_id), "failed");
  EXPECT_THAT(h_.document(submitted.ex_id)["_failureReason"].get<std::string>(),
              HasSubstr("the execution controller could not be started 11 times, last: cannot start slicemill"));
}

// Only what had started can die.
TEST_F(ExecutionsTest, DeathsAndStartsThatFailedAreCountedApart) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.run(submitted.ex_id);
  h_.launcher.exit(controller_pid(submitted.ex_id), {true, 3, 0});
  h_.loop.run_ready();
  ASSERT_NE(controller_pid(submitted.ex_id), 0);
  h_.launcher.failing_starts = 100;
  h_.launcher.words = "the ledger is held by process 7";
  h_.launcher.exit(controller_pid(submitted.ex_id), {true, 3, 0});
  h_.loop.run_ready();
  EXPECT_THAT(h_.document(submitted.ex_id)["_status_reason"].get<std::string>(),
              HasSubstr("died (the ledger is held by process 7), starting it again"));
  h_.loop.advance(60s);
  EXPECT_EQ(h_.status(submitted.ex_id), "failed");
  EXPECT_THAT(h_.document(submitted.ex_id)["_failureReason"].get<std::string>(),
              HasSubstr("died 2 times within a minute of its start and could not be started 9 times, last: cannot"));
}

TEST_F(ExecutionsTest, ADeadWorkerIsReplacedAndTheControllerKnowsTheCause) {
  const auto submitted = h_.submit(MasterHarness::job(2));
  const auto controller = h_.run(submitted.ex_id);
  for (int i = 0; i < 5; ++i) {
    controller->status("running");
    h_.loop.advance(1s);
  }
  h_.launcher.exit(1002, {true, 0, SIGSEGV});
  h_.loop.run_ready();
  ASSERT_THAT(controller->worker_exits, SizeIs(1));
  EXPECT_EQ(controller->worker_exits[0].pid, 1002);
  EXPECT_THAT(controller->worker_exits[0].cause, HasSubstr("signal 11"));
  ASSERT_THAT(h_.launcher.workers, SizeIs(3));
  EXPECT_THAT(h_.launcher.workers[2].log_path, HasSubstr("worker-1.log"));  // takes the place
}

TEST_F(ExecutionsTest, WorkersThatDieAtOnceAreReplacedMoreAndMoreSlowly) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto controller = h_.run(submitted.ex_id);
  std::vector<std::size_t> starts;
  for (int i = 0; i < 3; ++i) {
    h_.launcher.exit(h_.launcher.last_pid(), {true, 1, 0});
    h_.loop.run_ready();
    starts.push_back(h_.launcher.workers.size());
    h_.loop.advance(100ms * (1 << i));
  }
  EXPECT_THAT(starts, ElementsAre(1, 2, 3));  // not at once
  EXPECT_THAT(h_.launcher.workers, SizeIs(4));
}

TEST_F(ExecutionsTest, ALostWorkerIsKilledOnlyIfItIsOurs) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto controller = h_.run(submitted.ex_id);
  const auto stranger = h_.launcher.spawn();
  controller->worker_lost(stranger.pid, "no beat");
  h_.loop.run_ready();
  EXPECT_THAT(h_.launcher.signals, IsEmpty());
  controller->worker_lost(1002, "no beat");
  h_.loop.run_ready();
  EXPECT_THAT(h_.launcher.signals, ElementsAre(std::pair<pid_t, int>(1002, SIGKILL)));
}

TEST_F(ExecutionsTest, TheRevisionRisesWithEachReason) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto controller = h_.run(submitted.ex_id);
  const auto reason = [&] { return h_.executions->live_reason(submitted.ex_id); };
  h_.loop.advance(1s);  // the first progress is shown
  auto revision = h_.service->revision();
  h_.loop.advance(2s);
  EXPECT_EQ(h_.service->revision(), revision) << "nothing has happened";
  h_.loop.advance(3s);
  EXPECT_THAT(reason(), HasSubstr("stalled"));
  EXPECT_GT(h_.service->revision(), revision);
  revision = h_.service->revision();
  controller->status("running", "");
  h_.loop.run_ready();
  EXPECT_EQ(reason(), "");
  EXPECT_GT(h_.service->revision(), revision);
}

TEST_F(ExecutionsTest, ASilentControllerShowsAndIsReplaced) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto controller = h_.run(submitted.ex_id);
  h_.loop.advance(7s);
  EXPECT_THAT(h_.document(submitted.ex_id)["_status_reason"].get<std::string>(),
              HasSubstr("stalled: no word from the execution controller"));
  controller->status("running");
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
  EXPECT_FALSE(h_.document(submitted.ex_id).contains("_status_reason"));
  h_.loop.advance(22s);
  EXPECT_THAT(h_.launcher.signals, SizeIs(1));
  EXPECT_EQ(h_.launch_file(submitted.ex_id)["epoch"], 2);
}

TEST_F(ExecutionsTest, FramesThatAreNoMessagesDropTheirSender) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto controller = h_.run(submitted.ex_id);
  controller->raw("garbage");
  h_.loop.run_ready();
  EXPECT_FALSE(h_.executions->links().connected(submitted.ex_id));
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
}

// ---- recovery ----

TEST_F(ExecutionsTest, ARecoveryGoesOnFromTheLedgerOfItsSource) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto controller = h_.run(submitted.ex_id);
  write_outcome(submitted.ex_id, ExecutionStatus::failed);
  controller->finished("failed", "slices failed");
  h_.loop.advance(31s);

  const auto recovered = recover_job(submitted.job_id, CleanupType::errors);
  ASSERT_TRUE(recovered) << recovered.error().message;
  h_.loop.run_ready();
  auto launch = ControllerLaunch::from_json(h_.launch_file(recovered->ex_id));
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->source_ledger_directory, h_.layout.ledger_directory(submitted.ex_id.text));
  EXPECT_EQ(launch->cleanup, CleanupType::errors);
  EXPECT_EQ(launch->epoch, 2U);
  const Json document = h_.document(recovered->ex_id);
  EXPECT_EQ(document["recovered_execution"], submitted.ex_id.text);
  EXPECT_EQ(document["recovered_slice_type"], "errors");
  const auto second = h_.connect_controller(recovered->ex_id);
  second->status("recovering");
  EXPECT_EQ(h_.status(recovered->ex_id), "recovering");
  second->finished("stopped");
  h_.loop.advance(31s);

  // The recovery never opened a ledger of its own: the next generation goes on from the first one.
  const auto third =
      h_.await<Submitted>([&](Reply<Submitted> reply) { h_.service->recover(recovered->ex_id, {}, std::move(reply)); });
  ASSERT_TRUE(third) << third.error().message;
  h_.loop.run_ready();
  launch = ControllerLaunch::from_json(h_.launch_file(third->ex_id));
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->source_ledger_directory, h_.layout.ledger_directory(submitted.ex_id.text));
  EXPECT_EQ(launch->epoch, 3U);
  EXPECT_FALSE(h_.document(third->ex_id).contains("recovered_slice_type"));
}

TEST_F(ExecutionsTest, WithoutAnyLedgerARecoveryIsAFreshStart) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.finish(submitted.ex_id, "failed", true);
  const auto recovered = recover_job(submitted.job_id, CleanupType::all);
  ASSERT_TRUE(recovered);
  h_.loop.run_ready();
  EXPECT_EQ(h_.launch_file(recovered->ex_id)["source_ledger_directory"], "");
}

TEST_F(ExecutionsTest, WhatCannotBeRecovered) {
  const auto stored = h_.await<Submitted>(
      [&](Reply<Submitted> reply) { h_.service->submit(MasterHarness::job(), {.start = false}, std::move(reply)); });
  EXPECT_EQ(recover_job(stored->job_id, CleanupType::none).error().message,
            "Job " + stored->job_id.text + " is missing an execution to recover from");
  EXPECT_EQ(recover_job(JobId("none"), CleanupType::none).error().code, ErrorCode::not_found);
  const auto none = h_.await<Submitted>(
      [&](Reply<Submitted> reply) { h_.service->recover(ExecutionId("none"), {}, std::move(reply)); });
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
}

TEST_F(ExecutionsTest, AutorecoverTurnsAStartIntoARecovery) {
  Json job = MasterHarness::job(1);
  job["autorecover"] = true;
  const auto submitted = h_.submit(job);
  write_outcome(submitted.ex_id, ExecutionStatus::stopped);
  h_.finish(submitted.ex_id, "completed", true);
  const auto again = h_.await<Submitted>(
      [&](Reply<Submitted> reply) { h_.service->start_job(submitted.job_id, {}, std::move(reply)); });
  ASSERT_TRUE(again);
  EXPECT_EQ(h_.document(again->ex_id)["recovered_execution"], submitted.ex_id.text);
  EXPECT_EQ(h_.document(again->ex_id)["recovered_slice_type"], "pending");
}

// ---- restarts of the master ----

TEST_F(ExecutionsTest, ANewMasterMeetsControllersThatWorkOn) {
  const auto submitted = h_.submit(MasterHarness::job(2));
  const auto controller = h_.run(submitted.ex_id);
  h_.restart();
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
  EXPECT_EQ(h_.executions->supervisor().live_workers(submitted.ex_id), 2);
  controller->status("paused");
  h_.loop.run_ready();
  EXPECT_EQ(controller->hello_agains, 1);
  controller->hello();
  controller->status("paused");
  EXPECT_EQ(h_.status(submitted.ex_id), "paused");
  EXPECT_THAT(h_.launcher.controllers, SizeIs(1));
  EXPECT_THAT(h_.launcher.workers, SizeIs(2));
  // Its deaths are seen, too.
  h_.launcher.exit(controller_pid(submitted.ex_id), {});
  h_.loop.run_ready();
  EXPECT_THAT(h_.launcher.controllers, SizeIs(2));
  EXPECT_EQ(h_.launch_file(submitted.ex_id)["epoch"], 2);
}

TEST_F(ExecutionsTest, ANewMasterHasAnOutcomeThatNobodyHeardToldByAController) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.run(submitted.ex_id);
  const pid_t pid = controller_pid(submitted.ex_id);
  h_.crash();
  write_outcome(submitted.ex_id, ExecutionStatus::completed);
  h_.launcher.exit(pid, {});
  h_.launcher.exit(1002, {});
  h_.restart();
  // Only a controller knows the counts, and removes what is staged. It needs no workers.
  EXPECT_THAT(h_.launcher.controllers, SizeIs(2));
  EXPECT_EQ(h_.executions->supervisor().live_workers(submitted.ex_id), 0);
  h_.finish(submitted.ex_id, "completed");
  EXPECT_EQ(h_.status(submitted.ex_id), "completed");
  EXPECT_THAT(h_.launcher.workers, SizeIs(1));
}

TEST_F(ExecutionsTest, ANewMasterStartsNothingBeforeItKnowsWhetherTheExecutionGoesOn) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.run(submitted.ex_id);
  const pid_t pid = controller_pid(submitted.ex_id);
  h_.crash();
  h_.launcher.exit(pid, {});
  h_.launcher.exit(1002, {});
  write_outcome(submitted.ex_id, ExecutionStatus::completed);
  {
    // Held, so that reading it takes a while.
    auto held = open_ledger(h_.loop, h_.layout.ledger_directory(submitted.ex_id.text), 2);
    ASSERT_TRUE(held) << held.error().message;
    h_.restart();
    EXPECT_EQ(h_.status(submitted.ex_id), "running");
    EXPECT_THAT(h_.launcher.controllers, SizeIs(1));
    ASSERT_TRUE((*held)->close());
  }
  h_.loop.advance(2s);
  EXPECT_THAT(h_.launcher.controllers, SizeIs(2));
  EXPECT_THAT(h_.launcher.workers, SizeIs(1));
}

TEST_F(ExecutionsTest, ANewMasterStartsAControllerWhereNoneLivesAndNothingIsDecided) {
  const auto submitted = h_.submit(MasterHarness::job(2));
  h_.run(submitted.ex_id);
  const pid_t pid = controller_pid(submitted.ex_id);
  h_.crash();
  write_outcome(submitted.ex_id, ExecutionStatus::running);
  h_.launcher.exit(pid, {});
  h_.launcher.exit(1002, {});
  h_.restart();
  EXPECT_THAT(h_.launcher.controllers, SizeIs(2));
  EXPECT_EQ(h_.launch_file(submitted.ex_id)["epoch"], 2);
  EXPECT_EQ(h_.executions->supervisor().live_workers(submitted.ex_id), 2);
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
}

TEST_F(ExecutionsTest, ANewMasterAdmitsWhatWasPending) {
  MasterHarness h(1);
  const auto first = h.submit(MasterHarness::job(1));
  const auto second = h.submit(MasterHarness::job(1));
  h.finish(first.ex_id, "completed");
  h.restart();
  EXPECT_EQ(h.status(second.ex_id), "pending");
  h.loop.advance(6s);  // the first one's processes are forgotten by nobody
  EXPECT_EQ(h.status(second.ex_id), "scheduling");
}

TEST_F(ExecutionsTest, AControllerThatOnlyTheFormerMasterKnewIsTakenIn) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.run(submitted.ex_id);
  const ProcessIdentity process = FakeLauncher::identity(controller_pid(submitted.ex_id));
  // As if the former master had died between starting it and noting it, while the controller holds its ledger.
  RegistryBatch batch;
  batch.gone_processes.push_back(process);
  h_.registry->write(batch, {});
  h_.loop.run_ready();
  std::filesystem::create_directories(h_.layout.data + "/ledgers");
  auto held = create_ledger(h_.loop, h_.layout.ledger_directory(submitted.ex_id.text), {submitted.ex_id.text, "{}", 1});
  ASSERT_TRUE(held);
  h_.restart();
  EXPECT_THAT(h_.launcher.controllers, SizeIs(1));
  ScriptedController controller(*h_.hub, submitted.ex_id.text, 1, process);
  controller.hello();
  controller.status("running");
  h_.loop.advance(3s);
  EXPECT_EQ(controller.welcomes, 1);
  EXPECT_EQ(h_.status(submitted.ex_id), "running");
  EXPECT_THAT(h_.launcher.controllers, SizeIs(1));
  EXPECT_EQ(controller_pid(submitted.ex_id), process.pid);
}

TEST_F(ExecutionsTest, AStopOutlivesTheMaster) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto controller = h_.run(submitted.ex_id);
  controller->answers = false;
  (void)h_.start<StopAnswer>([&](Reply<StopAnswer> reply) { h_.service->stop(submitted.ex_id, {}, std::move(reply)); });
  h_.loop.run_ready();
  h_.restart();
  controller->verbs.clear();
  controller->hello();
  h_.loop.run_ready();
  ASSERT_THAT(controller->verbs, SizeIs(1));
  EXPECT_EQ(controller->verbs[0].verb, wire::VerbName::stop);
}

TEST_F(ExecutionsTest, EndedExecutionsLeaveMemory) {
  for (int i = 0; i < 5; ++i) {
    const auto submitted = h_.submit(MasterHarness::job(1));
    h_.finish(submitted.ex_id, "completed", true);
  }
  EXPECT_THAT(h_.executions->all(), IsEmpty());
  EXPECT_THAT(h_.executions->supervisor().processes(), IsEmpty());
  EXPECT_LE(h_.loop.timer_count(), 1U);
}

}  // namespace
}  // namespace slicemill::master
