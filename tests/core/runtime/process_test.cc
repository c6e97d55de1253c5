#include "core/runtime/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "core/runtime/fault.h"

namespace slicemill {
namespace {

// Runs until the process is gone and says how.
ProcessExit wait_for_exit(const ProcessIdentity& process, std::optional<int> signal_first = std::nullopt) {
  AsioLoop loop;
  ProcessExit result;
  auto watch = watch_process(loop, process, [&](ProcessExit exit) {
    result = exit;
    loop.stop();
  });
  if (signal_first) {
    EXPECT_TRUE(signal_process(process, *signal_first));
  }
  loop.run();
  return result;
}

ProcessIdentity start(std::vector<std::string> arguments) {
  auto process = spawn_process({.arguments = std::move(arguments)});
  EXPECT_TRUE(process);
  return *process;
}

TEST(Process, ExitCodeOfAChildIsKnown) {
  const auto exit = wait_for_exit(start({"/bin/sh", "-c", "exit 7"}));
  EXPECT_TRUE(exit.known);
  EXPECT_EQ(exit.code, 7);
  EXPECT_EQ(exit.to_text(), "exit code 7");
}

TEST(Process, AnEnvironmentThatTheSystemDoesNotTakeIsAFinalErrorThatNamesTheLargestVariable) {
  const auto process =
      spawn_process({.arguments = {"/bin/true"}, .environment = {{"HUGE", std::string(3 << 20, 'x')}}});
  ASSERT_FALSE(process);
  EXPECT_FALSE(process.error().retryable);
  EXPECT_FALSE(process.error().obstacle);
  EXPECT_THAT(process.error().message, testing::AllOf(testing::HasSubstr("/bin/true"), testing::HasSubstr("in HUGE"),
                                                      testing::HasSubstr("env_vars")));
}

TEST(Process, NoRoomForAProcessIsAnObstacle) {
  for (const int number : {EAGAIN, ENOMEM}) {
    const Error error = start_error(number, "/bin/true", {});
    EXPECT_TRUE(error.obstacle);
    EXPECT_TRUE(error.retryable);
  }
  EXPECT_FALSE(start_error(ENOENT, "/bin/true", {}).obstacle);
}

TEST(Process, SigkillIsSeenWithItsSignal) {
  const auto process = start({"/bin/sleep", "60"});
  EXPECT_TRUE(is_alive(process));
  const auto exit = wait_for_exit(process, SIGKILL);
  EXPECT_EQ(exit.to_text(), "signal 9 (Killed)");
  EXPECT_FALSE(is_alive(process));
  EXPECT_EQ(signal_process(process, SIGKILL).error().code, ErrorCode::not_found);
}

TEST(Process, WatchingOneThatIsGoneReportsAtOnceWithUnknownCause) {
  const auto process = start({"/bin/true"});
  wait_for_exit(process);
  const auto again = wait_for_exit(process);
  EXPECT_FALSE(again.known);
  EXPECT_EQ(again.to_text(), "unknown cause");
}

// Nor because of a wake-up without an event: every wait of the loop begins with one here.
TEST(Process, AFalseWakeUpIsNoDeath) {
  set_fault_handler([](std::string_view point) -> Result<void> {
    if (point == "readiness") return Error(ErrorCode::io, "a wake-up without an event");
    return {};
  });
  const auto process = start({"/bin/sleep", "60"});
  AsioLoop loop;
  std::optional<ProcessExit> seen;
  const auto watch = watch_process(loop, process, [&](const ProcessExit& exit) {
    seen = exit;
    loop.stop();
  });
  for (int turn = 0; turn < 3; ++turn) {  // the planted wake-up is posted in the first
    loop.post([&] { loop.stop(); });
    loop.run();
    loop.context().restart();
  }
  EXPECT_FALSE(seen) << seen->to_text();
  EXPECT_TRUE(is_alive(process));
  EXPECT_TRUE(signal_process(process, SIGKILL));
  loop.run();
  set_fault_handler(nullptr);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->to_text(), "signal 9 (Killed)");
}

// A living process must not be taken for a dead one because nobody could look.
TEST(Process, WithoutDescriptorsALivingProcessStaysAlive) {
  const auto process = start({"/bin/sleep", "60"});
  std::vector<int> taken;
  for (int fd = open("/dev/null", O_RDONLY); fd >= 0; fd = open("/dev/null", O_RDONLY)) taken.push_back(fd);
  ASSERT_EQ(errno, EMFILE);
  EXPECT_TRUE(is_alive(process));
  const auto second = spawn_process({.arguments = {"/bin/sleep", "60"}});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(is_alive(*second));
  EXPECT_TRUE(signal_process(*second, SIGKILL));
  for (const int fd : taken) close(fd);
  EXPECT_EQ(wait_for_exit(*second).to_text(), "signal 9 (Killed)");
  EXPECT_EQ(wait_for_exit(process, SIGKILL).to_text(), "signal 9 (Killed)");
}

TEST(Process, AReusedPidIsNotTheSameProcess) {
  auto other = *own_process();
  other.start_ticks -= 1;
  EXPECT_FALSE(is_alive(other));
  EXPECT_FALSE(signal_process(other, 0));
  other = *own_process();
  other.boot_id = "another boot";
  EXPECT_FALSE(is_alive(other));
}

TEST(Process, EnvironmentAndOutputFile) {
  const std::string path = testing::TempDir() + "/process_output_" + std::to_string(getpid());
  auto process = spawn_process({.arguments = {"/bin/sh", "-c", "echo $SLICEMILL_TEST"},
                                .environment = {{"SLICEMILL_TEST", "hello"}},
                                .output_path = path});
  ASSERT_TRUE(process);
  wait_for_exit(*process);
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "hello");
  unlink(path.c_str());
}

TEST(Process, AChildInheritsNoDescriptorOfOurs) {
  const int fd = dup(STDERR_FILENO);  // without close-on-exec
  ASSERT_GT(fd, STDERR_FILENO);
  const auto exit = wait_for_exit(start({"/bin/sh", "-c", "test -e /proc/self/fd/" + std::to_string(fd)}));
  close(fd);
  EXPECT_EQ(exit.code, 1);
}

TEST(Process, TheOpenFileLimitIsRaisedToWhatIsAllowed) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  raise_open_file_limit();
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Process, AMissingProgramIsAnErrorThatNamesIt) {
  const auto missing = spawn_process({.arguments = {"/nonexistent/program"}});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, testing::HasSubstr("/nonexistent/program"));
}

}  // namespace
}  // namespace slicemill
