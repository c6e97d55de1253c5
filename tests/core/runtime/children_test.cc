#include "core/runtime/children.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "core/runtime/asio_loop.h"
#include "core/runtime/process.h"

namespace slicemill {
namespace {

// This process gets orphans, like process 1 of a container.
class Children : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }
  void TearDown() override { prctl(PR_SET_CHILD_SUBREAPER, 0); }

  // A grandchild, given to us by the end of its parent, that ends when the returned descriptor is closed.
  static int make_orphan(pid_t& orphan) {
    std::array<int, 2> told{};
    std::array<int, 2> lives{};
    EXPECT_EQ(pipe(told.data()) | pipe(lives.data()), 0);
    const pid_t parent = fork();
    if (parent == 0) {
      const pid_t child = fork();
      if (child == 0) {
        char byte = 0;
        close(lives[1]);
        (void)!read(lives[0], &byte, 1);
        _exit(0);
      }
      (void)!write(told[1], &child, sizeof child);
      _exit(0);
    }
    EXPECT_EQ(read(told[0], &orphan, sizeof orphan), static_cast<ssize_t>(sizeof orphan));
    EXPECT_EQ(waitpid(parent, nullptr, 0), parent);
    for (const int fd : {told[0], told[1], lives[0]}) close(fd);
    return lives[1];
  }

  static void wait_for_end(pid_t pid) {
    siginfo_t ended{};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT), 0);
  }
};

TEST_F(Children, OrphansAreReapedAndOursAreLeftToTheirOwners) {
  pid_t orphan = 0;
  const int lives = make_orphan(orphan);
  const auto ours = spawn_process({.arguments = {"/bin/sh", "-c", "exit 7"}});
  ASSERT_TRUE(ours);
  wait_for_end(ours->pid);
  EXPECT_EQ(reap_orphans(), 0);  // one runs, the other is ours
  close(lives);
  wait_for_end(orphan);
  EXPECT_EQ(reap_orphans(), 1);
  EXPECT_EQ(waitpid(orphan, nullptr, WNOHANG), -1);
  int status = 0;
  ASSERT_EQ(waitpid(ours->pid, &status, WNOHANG), ours->pid);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(Children, TheReaperTakesThemByItself) {
  pid_t orphan = 0;
  close(make_orphan(orphan));
  AsioLoop loop;
  const OrphanReaper reaper(loop);
  std::function<void()> look = [&] {
    if (kill(orphan, 0) != 0)
      loop.stop();
    else
      loop.after(std::chrono::milliseconds(5), look);
  };
  look();
  loop.run();
  EXPECT_EQ(waitpid(orphan, nullptr, WNOHANG), -1);
}

}  // namespace
}  // namespace slicemill
