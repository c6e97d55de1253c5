// Supervision of real processes, through the real launcher.
#include "master/processes/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "master/processes/launchers/local_launcher.h"
#include "tests/master/real_loop.h"
#include "tests/master/temp_directory.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A program that notes how it was called and then waits to be killed.
std::string write_program(const std::string& path) {
  std::ofstream(path) << "#!/bin/sh\necho \"$0 $* COLOUR=$COLOUR\" >> \"$(dirname \"$0\")/calls\"\nexec sleep 600\n";
  chmod(path.c_str(), 0755);
  return path;
}

class NotedEvents final : public SupervisorEvents {
 public:
  void prepare_controller(const ExecutionId&, std::function<void(Result<std::uint64_t>)> ready) override {
    ready(++epoch);
  }
  void process_started(const ProcessRow& process) override { started.push_back(process); }
  void process_gone(const ProcessRow& process, const ProcessExit& exit, bool expected) override {
    gone.emplace_back(process, exit.to_text());
    if (!expected) ++unexpected;
  }
  void controller_restarts(const ExecutionId&, const std::string& reason) override { restarts.push_back(reason); }
  void controller_waits(const ExecutionId&, const std::string& reason) override { waits.push_back(reason); }
  void workers_wait(const ExecutionId&, const std::string& reason) override { worker_waits.push_back(reason); }
  void gave_up(const ExecutionId&, const std::string& reason) override { given_up = reason; }
  void group_gone(const ExecutionId& id) override { groups_gone.push_back(id); }

  std::uint64_t epoch = 0;
  std::vector<ProcessRow> started;
  std::vector<std::pair<ProcessRow, std::string>> gone;
  int unexpected = 0;
  std::vector<std::string> restarts;
  std::vector<std::string> waits;
  std::vector<std::string> worker_waits;
  std::string given_up;
  std::vector<ExecutionId> groups_gone;
};

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() {
    spec_.ex_id = ex_;
    spec_.job_id = JobId("job");
    spec_.log_directory = directory_.path();
    spec_.launch_file = directory_.path() + "/launch.json";
    spec_.controller_endpoint = "ipc://controller";
    spec_.marker_directory = directory_.path();
    spec_.log_level = "debug";
    spec_.environment = {{"COLOUR", "blue"}};
  }
  ~SupervisorTest() override {
    supervisor_.release(ex_, 0s);
    EXPECT_TRUE(turn_until(loop_, [&] { return !supervisor_.has_group(ex_); }));
    for (const auto& row : events_.started) EXPECT_FALSE(is_alive(row.process));
  }
  ProcessIdentity controller() const { return process(true); }
  ProcessIdentity worker() const { return process(false); }
  ProcessIdentity process(bool is_controller) const {
    for (const auto& row : supervisor_.processes()) {
      if (row.is_controller == is_controller) return row.process;
    }
    return {};
  }

  TempDirectory directory_;
  AsioLoop loop_;
  NotedEvents events_;
  std::unique_ptr<Launcher> launcher_ =
      make_local_launcher(loop_, {write_program(directory_.path() + "/slicemill-controller"),
                                  write_program(directory_.path() + "/slicemill-worker")});
  Supervisor supervisor_{loop_, *launcher_, events_};
  ExecutionId ex_{"ex"};
  GroupSpec spec_;
};

TEST_F(SupervisorTest, StartsAControllerAndWorkersWithTheirArguments) {
  supervisor_.start(spec_, 6);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 7; }));
  EXPECT_EQ(supervisor_.live_workers(ex_), 6);
  EXPECT_TRUE(is_alive(controller()));
  std::string calls;
  ASSERT_TRUE(turn_until(loop_, [&] {
    std::ifstream file(directory_.path() + "/calls");
    calls.assign(std::istreambuf_iterator<char>(file), {});
    return std::count(calls.begin(), calls.end(), '\n') == 7;
  }));
  EXPECT_THAT(calls, HasSubstr("/slicemill-controller --launch " + spec_.launch_file + " COLOUR=blue"));
  EXPECT_THAT(calls, HasSubstr("--controller ipc://controller --ex ex --worker "));
  EXPECT_THAT(calls, HasSubstr(" --marker-directory " + directory_.path() + " --log " + directory_.path() +
                               "/worker-6.log --log-level debug COLOUR=blue"));
}

TEST_F(SupervisorTest, AKilledControllerIsReplacedUnderANewEpoch) {
  supervisor_.start(spec_, 1);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 2; }));
  const ProcessIdentity first = controller();
  ASSERT_TRUE(signal_process(first, SIGKILL));
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 3; }));
  EXPECT_NE(controller(), first);
  EXPECT_EQ(events_.started.back().epoch, 2U);
  EXPECT_THAT(events_.restarts.at(0), HasSubstr("signal 9 (Killed)"));
  EXPECT_THAT(events_.restarts.at(0), HasSubstr(directory_.path() + "/controller.log"));
}

TEST_F(SupervisorTest, ARestartedControllerStartsOnlyAfterItsPredecessorIsGone) {
  supervisor_.start(spec_, 0);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 1; }));
  const ProcessIdentity first = controller();
  supervisor_.restart_controller(ex_, "silent");
  supervisor_.restart_controller(ex_, "again");
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 2; }));
  EXPECT_FALSE(is_alive(first));
  ASSERT_THAT(events_.gone, SizeIs(1));
  EXPECT_THAT(events_.restarts.at(0), HasSubstr("killed: silent"));
}

TEST_F(SupervisorTest, WhatBeginsBehindTheEndOfItsExecutionIsKilled) {
  supervisor_.start(spec_, 1);
  EXPECT_TRUE(supervisor_.has_controller(ex_)) << "it counts from the moment when it may begin";
  supervisor_.restart_controller(ex_, "one is about to begin");
  supervisor_.release(ex_, 0s);
  ASSERT_TRUE(turn_until(loop_, [&] { return !supervisor_.has_group(ex_); }));
  EXPECT_THAT(events_.started, SizeIs(1)) << "no second controller, no worker";
  EXPECT_THAT(events_.gone, SizeIs(1));
  EXPECT_EQ(events_.unexpected, 0);
  EXPECT_FALSE(is_alive(events_.started.at(0).process));
}

TEST_F(SupervisorTest, AControllerThatEndsWithAnErrorIsQuotedAndNoEarlierOneIs) {
  const std::string program = directory_.path() + "/slicemill-controller";
  std::ofstream(program) << "#!/bin/sh\necho \"slicemill-controller[$$]: the ledger is held\" >&2\nexit 3\n";
  supervisor_.start(spec_, 0);
  ASSERT_TRUE(turn_until(loop_, [&] { return !events_.restarts.empty(); }));
  EXPECT_THAT(events_.restarts[0], HasSubstr("died (the ledger is held), starting it again"));
  std::ofstream(program) << "#!/bin/sh\nexit 3\n";
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.restarts.back().find("exit code 3") != std::string::npos; }));
}

TEST_F(SupervisorTest, AControllerThatMetAnObstacleIsStartedAgainForEverAndThatIsNoFailedStart) {
  std::ofstream(directory_.path() + "/slicemill-controller") << "#!/bin/sh\nexit 6\n";
  supervisor_.start(spec_, 0);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.waits.size() >= 5; }));
  EXPECT_THAT(events_.waits.back(), HasSubstr("obstacle: "));
  EXPECT_THAT(events_.restarts, IsEmpty());
  EXPECT_EQ(events_.given_up, "");
}

TEST_F(SupervisorTest, AControllerWhoseLedgerIsHeldElsewhereIsStartedAgainForEver) {
  std::ofstream(directory_.path() + "/slicemill-controller") << "#!/bin/sh\nexit 7\n";
  supervisor_.start(spec_, 0);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.waits.size() >= 5; }));
  EXPECT_THAT(events_.waits.back(), HasSubstr("another process holds the ledger of this execution"));
  EXPECT_THAT(events_.restarts, IsEmpty());
  EXPECT_EQ(events_.given_up, "");
}

// Tells of deaths that did not happen.
class LyingLauncher final : public Launcher {
 public:
  explicit LyingLauncher(Launcher& real) : real_(real) {}
  void start_controller(const ControllerOrder& order, Started started) override {
    real_.start_controller(order, std::move(started));
  }
  void start_worker(const WorkerOrder& order, Started started) override {
    real_.start_worker(order, std::move(started));
  }
  std::unique_ptr<ProcessWatch> watch(const ProcessIdentity& process,
                                      std::function<void(ProcessExit)> on_exit) override {
    watched.push_back(on_exit);
    return real_.watch(process, std::move(on_exit));
  }
  bool alive(const ProcessIdentity& process) override { return real_.alive(process); }
  Result<void> signal(const ProcessIdentity& process, int number) override { return real_.signal(process, number); }

  std::vector<std::function<void(ProcessExit)>> watched;

 private:
  Launcher& real_;
};

TEST_F(SupervisorTest, NobodyTakesThePlaceOfOneThatIsOnlySaidToBeGone) {
  LyingLauncher launcher(*launcher_);
  NotedEvents events;
  Supervisor supervisor(loop_, launcher, events);
  spec_.ex_id = ExecutionId("ex-2");
  supervisor.start(spec_, 1);
  ASSERT_TRUE(turn_until(loop_, [&] { return events.started.size() == 2; }));
  for (const auto& report : std::vector(launcher.watched)) report(ProcessExit{});
  EXPECT_THAT(events.gone, IsEmpty());
  EXPECT_THAT(launcher.watched, SizeIs(4)) << "both are watched again";
  for (const auto& row : events.started) ASSERT_TRUE(signal_process(row.process, SIGKILL));
  ASSERT_TRUE(turn_until(loop_, [&] { return events.started.size() == 4; }));
  EXPECT_THAT(events.gone, SizeIs(2));
  supervisor.release(spec_.ex_id, 0s);
  ASSERT_TRUE(turn_until(loop_, [&] { return !supervisor.has_group(spec_.ex_id); }));
}

TEST_F(SupervisorTest, WorkersThatAnEndedControllerLeftBehindAreKilledSoon) {
  supervisor_.start(spec_, 2);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 3; }));
  supervisor_.release(ex_, 600s);
  ASSERT_TRUE(signal_process(controller(), SIGKILL));
  ASSERT_TRUE(turn_until(loop_, [&] { return !events_.groups_gone.empty(); }));
}

TEST_F(SupervisorTest, WorkersThatMeetAnObstacleAreWaitedForWithAReasonUntilOneLives) {
  const std::string obstructed = directory_.path() + "/obstructed";
  std::ofstream(obstructed).put('x');
  std::ofstream(directory_.path() + "/slicemill-worker")
      << "#!/bin/sh\n[ -e " << obstructed << " ] && exit 6\nexec sleep 600\n";
  supervisor_.start(spec_, 1);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.worker_waits.size() >= 3; }));
  EXPECT_THAT(events_.worker_waits.back(), HasSubstr("obstacle: no worker can be started: "));
  EXPECT_THAT(events_.worker_waits.back(), HasSubstr("worker-1.log"));
  std::filesystem::remove(obstructed);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.worker_waits.back().empty(); }));
  EXPECT_EQ(supervisor_.live_workers(ex_), 1);
  EXPECT_EQ(events_.given_up, "");
}

TEST_F(SupervisorTest, AnEnvironmentThatTheSystemDoesNotTakeIsGivenUpAtOnce) {
  spec_.environment = {{"HUGE", std::string(3 << 20, 'x')}};
  supervisor_.start(spec_, 1);
  ASSERT_TRUE(turn_until(loop_, [&] { return !events_.given_up.empty(); }));
  EXPECT_THAT(events_.given_up, HasSubstr("HUGE"));
  EXPECT_THAT(events_.given_up, HasSubstr("env_vars"));
  EXPECT_THAT(events_.restarts, IsEmpty());
}

TEST_F(SupervisorTest, AKilledWorkerIsReplacedAndItsCauseIsKnown) {
  supervisor_.start(spec_, 2);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 3; }));
  supervisor_.kill_worker(ex_, controller().pid, "not a worker");
  supervisor_.kill_worker(ex_, worker().pid, "no beat");
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 4; }));
  EXPECT_EQ(events_.gone.at(0).second, "signal 9 (Killed)");
  EXPECT_EQ(supervisor_.live_workers(ex_), 2);
  EXPECT_TRUE(supervisor_.has_controller(ex_));
}

TEST_F(SupervisorTest, FewerWorkersAreNotReplaced) {
  supervisor_.start(spec_, 2);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 3; }));
  supervisor_.set_workers(ex_, 1);
  ASSERT_TRUE(signal_process(worker(), SIGTERM));
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.gone.size() == 1; }));
  EXPECT_EQ(events_.unexpected, 0);
  EXPECT_EQ(supervisor_.live_workers(ex_), 1);
  EXPECT_EQ(events_.started.size(), 3U);
}

TEST_F(SupervisorTest, AdoptsWhatLivesAndReportsWhatDoesNot) {
  supervisor_.start(spec_, 1);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 2; }));
  auto known = events_.started;
  NotedEvents later;
  Supervisor successor(loop_, *launcher_, later);
  ProcessRow dead = known[0];
  dead.is_controller = false;
  dead.place = 9;
  dead.process.start_ticks += 1;  // the pid is another process's now
  known.push_back(dead);
  successor.adopt(spec_, known, 1);
  EXPECT_TRUE(successor.has_controller(ex_));
  EXPECT_EQ(successor.live_workers(ex_), 1);
  ASSERT_THAT(later.gone, SizeIs(1));
  EXPECT_EQ(later.gone[0].first, dead);
}

TEST_F(SupervisorTest, AProgramThatIsNotThereIsGivenUpInTheEnd) {
  const auto launcher = make_local_launcher(loop_, {"/nowhere/slicemill-controller", "/nowhere/slicemill-worker"});
  NotedEvents events;
  Supervisor supervisor(loop_, *launcher, events);
  supervisor.start(spec_, 1);
  ASSERT_TRUE(turn_until(loop_, [&] { return events.restarts.size() >= 2; }));
  EXPECT_THAT(events.restarts[0], HasSubstr("/nowhere/slicemill"));
  EXPECT_THAT(events.started, IsEmpty());
}

TEST_F(SupervisorTest, ReleasedGroupsAreKilledAfterTheirGrace) {
  supervisor_.start(spec_, 3);
  ASSERT_TRUE(turn_until(loop_, [&] { return events_.started.size() == 4; }));
  supervisor_.release(ex_, 10ms);
  EXPECT_EQ(supervisor_.lingering_workers(), 3);
  ASSERT_TRUE(turn_until(loop_, [&] { return !events_.groups_gone.empty(); }));
  EXPECT_EQ(supervisor_.lingering_workers(), 0);
  EXPECT_EQ(events_.unexpected, 0);
  EXPECT_THAT(events_.restarts, IsEmpty());
}

}  // namespace
}  // namespace slicemill::master
