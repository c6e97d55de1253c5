#include "core/runtime/child_guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "core/runtime/children.h"
#include "core/runtime/log.h"

namespace slicemill {
namespace {

constexpr std::size_t kMostGroups = 4096;

// Behind a fork of a process with threads: system calls only.
[[noreturn]] void guard(int pipe) {
  static std::array<pid_t, kMostGroups> groups;
  std::size_t count = 0;
  setsid();  // a terminal's signals are for those whom it shows
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  prctl(PR_SET_NAME, "slicemill-guard");
  // Nothing of the process is kept open by this one. Standard streams stay taken, so that nothing else is given them.
  dup2(pipe, STDIN_FILENO);
  const int nowhere = open("/dev/null", O_RDWR);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
  while (true) {
    pid_t group = 0;
    const ssize_t got = read(STDIN_FILENO, &group, sizeof group);
    if (got < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(sizeof group)) break;
    if (group > 0) {
      if (count < kMostGroups) groups[count++] = group;
      continue;
    }
    pid_t* const found = std::find(groups.begin(), groups.begin() + count, -group);
    if (found != groups.begin() + count) *found = groups[--count];
  }
  for (std::size_t i = 0; i < count; ++i) kill(-groups[i], SIGKILL);
  _exit(0);
}

int start_guard() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  const pid_t pid = start_child([&ends] {
    const pid_t forked = fork();
    if (forked == 0) guard(ends[0]);
    return forked;
  });
  close(ends[0]);
  if (pid > 0) {
    const int high = fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(ends[1]);
    return high;
  }
  log(LogLevel::warn, "no process that ends children after us: {}", strerrordesc_np(errno));
  close(ends[1]);
  return -1;
}

}  // namespace

int child_guard() {
  static const int pipe = start_guard();
  return pipe;
}

void guard_forgets(pid_t group) {
  const pid_t ended = -group;
  if (child_guard() >= 0) (void)!write(child_guard(), &ended, sizeof ended);
}

}  // namespace slicemill
