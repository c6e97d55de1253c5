#include "core/runtime/children.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "core/runtime/threads.h"

namespace slicemill {
namespace {

constexpr auto kSweepEvery = std::chrono::seconds(1);

struct Children {
  std::mutex mutex;  // held while one is made: nobody sees it before it is known
  std::set<pid_t> ours;
};

Children& children() {
  static auto& instance = *new Children;  // threads may end after main
  return instance;
}

// Each thread has a list of those that it made.
std::vector<pid_t> all_children() {
  std::vector<pid_t> pids;
  std::error_code error;
  for (std::filesystem::directory_iterator task("/proc/self/task", error), end; !error && task != end;
       task.increment(error)) {
    std::ifstream list(task->path() / "children");
    for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
  }
  return pids;
}

bool gets_orphans() {
  int subreaper = 0;
  (void)prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
  return getpid() == 1 || subreaper != 0;
}

}  // namespace

pid_t start_child(const std::function<pid_t()>& start) {
  Children& all = children();
  const std::lock_guard lock(all.mutex);
  pid_t pid = start();
  while (pid < 0 && errno == EAGAIN && follow_process_limit_of_parent()) pid = start();
  const int saved = errno;
  if (pid > 0 && gets_orphans()) all.ours.insert(pid);
  errno = saved;
  return pid;
}

int reap_orphans() {
  Children& all = children();
  const std::lock_guard lock(all.mutex);
  int reaped = 0;
  std::set<pid_t> still_ours;
  for (const pid_t pid : all_children()) {
    if (all.ours.contains(pid))
      still_ours.insert(pid);
    else if (waitpid(pid, nullptr, WNOHANG) == pid)
      ++reaped;
  }
  all.ours = std::move(still_ours);  // their owners reap the others without a word
  return reaped;
}

OrphanReaper::OrphanReaper(Loop& loop) : loop_(loop) {
  if (gets_orphans()) sweep();
}

OrphanReaper::~OrphanReaper() {
  loop_.cancel(timer_);
}

void OrphanReaper::sweep() {
  (void)reap_orphans();
  timer_ = loop_.around(kSweepEvery, [this] { sweep(); });
}

}  // namespace slicemill
