#include "core/runtime/fault.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace slicemill {
namespace {

// The points are armed at process start, so each case runs this program again with the environment of the case.
int run_again(const std::string& setting, const std::string& log) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("SLICEMILL_FAULT", setting.c_str(), 1);
    setenv("SLICEMILL_FAULT_LOG", log.c_str(), 1);
    setenv("SLICEMILL_FAULT_CHILD", "1", 1);
    execl("/proc/self/exe", "fault_test", "--gtest_filter=FaultChild.PassesThreeTimes", "--gtest_brief=1", nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string fresh_log() {
  const std::string path = testing::TempDir() + "/fault_log_" + std::to_string(getpid());
  unlink(path.c_str());
  return path;
}

// Exit code 10 + number of the pass that failed first; 0 if none did.
TEST(FaultChild, PassesThreeTimes) {
  if (std::getenv("SLICEMILL_FAULT_CHILD") == nullptr) {
    EXPECT_TRUE(fault("committed")) << "an unarmed point never fires";
    return;
  }
  set_fault_process("controller");
  for (int pass = 1; pass <= 3; ++pass)
    if (!fault("committed")) _exit(10 + pass);
  _exit(0);
}

TEST(Fault, KillFiresAtTheGivenPassAndLeavesProof) {
  const auto log = fresh_log();
  const int status = run_again("committed:kill:2", log);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(contents(log).substr(0, 10), "committed ");
}

TEST(Fault, FiresOnceOverAllProcessesThatShareTheLog) {
  const auto log = fresh_log();
  run_again("committed:kill:1", log);
  const int again = run_again("committed:kill:1", log);
  EXPECT_TRUE(WIFEXITED(again) && WEXITSTATUS(again) == 0);
}

TEST(Fault, OneForAKindOfProcessFiresInNoOther) {
  const auto log = fresh_log();
  EXPECT_EQ(WEXITSTATUS(run_again("worker/committed:fail:1", log)), 0);
  EXPECT_EQ(contents(log), "");
  EXPECT_EQ(WEXITSTATUS(run_again("controller/committed:fail:2", log)), 12);
  EXPECT_EQ(contents(log).substr(0, 21), "controller/committed ");
}

TEST(Fault, AnObstacleStandsInEveryProcessUntilItIsCleared) {
  const auto log = fresh_log();
  const std::string cleared = log + ".cleared";
  unlink(cleared.c_str());
  setenv("SLICEMILL_FAULT_CLEARED", cleared.c_str(), 1);
  EXPECT_EQ(WEXITSTATUS(run_again("committed:eio:2", log)), 12);
  EXPECT_EQ(WEXITSTATUS(run_again("committed:eio:2", log)), 11) << "it stands from the first pass on";
  std::ofstream(cleared) << "";
  EXPECT_EQ(WEXITSTATUS(run_again("committed:eio:2", log)), 0);
  unsetenv("SLICEMILL_FAULT_CLEARED");
  unlink(cleared.c_str());
}

TEST(Fault, FailIsOneErrorAndOtherPointsPass) {
  EXPECT_EQ(WEXITSTATUS(run_again("committed:fail:3", fresh_log())), 13);
  EXPECT_EQ(WEXITSTATUS(run_again("published:fail:1", fresh_log())), 0);
}

TEST(Fault, WaitGoesOnWhenItsFileIsThere) {
  const auto log = fresh_log();
  std::ofstream(log + ".committed.go") << "";
  EXPECT_EQ(WEXITSTATUS(run_again("committed:wait:2", log)), 0);
  EXPECT_EQ(contents(log).substr(0, 10), "committed ") << "it fired, and the point then passed";
  unlink((log + ".committed.go").c_str());
}

TEST(Fault, WaitHoldsTheThreadUntilThen) {
  const auto log = fresh_log();
  std::thread opens_later([&log] {
    while (contents(log).empty()) std::this_thread::yield();
    std::ofstream(log + ".committed.go") << "";
  });
  EXPECT_EQ(WEXITSTATUS(run_again("committed:wait:1", log)), 0) << "it ends because the file came";
  opens_later.join();
  unlink((log + ".committed.go").c_str());
}

TEST(Fault, NoteRecordsEachPassAndOtherActionsStillHappen) {
  const auto log = fresh_log();
  EXPECT_EQ(WEXITSTATUS(run_again("committed:note:2,committed:fail:3", log)), 13);
  const auto notes = contents(log + ".notes");
  EXPECT_EQ(std::count(notes.begin(), notes.end(), '\n'), 2) << "passes 2 and 3: " << notes;
  EXPECT_EQ(notes.substr(0, 10), "committed ");
  unlink((log + ".notes").c_str());
}

}  // namespace
}  // namespace slicemill
