#include "core/runtime/threads.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "core/runtime/fault.h"

namespace slicemill {
namespace {

constexpr std::size_t kMostNameBytes = 15;  // of the kernel

Error no_thread(const std::string& name, const std::string& cause) {
  Error error(
      ErrorCode::unavailable,
      fmt::format("cannot start a thread ({}): {}: the limit of processes and threads is reached", name, cause));
  error.obstacle = true;
  return error;
}

}  // namespace

Result<void> start_thread(std::thread& thread, const std::string& name, std::function<void()> run) {
  if (const auto passed = fault("thread"); !passed) return no_thread(name, passed.error().message);
  const auto body = [shown = name.substr(0, kMostNameBytes), run = std::move(run)] {
    pthread_setname_np(pthread_self(), shown.c_str());
    run();
  };
  for (;;) {
    try {
      thread = std::thread(body);
      return {};
    } catch (const std::system_error& error) {
      if (!follow_process_limit_of_parent()) return no_thread(name, error.code().message());
    }
  }
}

bool follow_process_limit_of_parent() {
  rlimit own{};
  rlimit parents{};
  if (getrlimit(RLIMIT_NPROC, &own) != 0 || prlimit(getppid(), RLIMIT_NPROC, nullptr, &parents) != 0) return false;
  const rlim_t limit = std::min(parents.rlim_cur, own.rlim_max);
  if (limit <= own.rlim_cur) return false;
  own.rlim_cur = limit;
  return setrlimit(RLIMIT_NPROC, &own) == 0;
}

Result<void> try_threads(int count) {
  std::mutex mutex;
  std::condition_variable over;
  bool made_all = false;
  std::vector<std::thread> threads;
  Result<void> result;
  for (int i = 0; i < count && result; ++i) {
    std::thread thread;
    result = start_thread(thread, "probe", [&] {
      std::unique_lock lock(mutex);
      over.wait(lock, [&] { return made_all; });
    });
    if (result) threads.push_back(std::move(thread));
  }
  {
    const std::lock_guard lock(mutex);
    made_all = true;
  }
  over.notify_all();
  for (auto& thread : threads) thread.join();
  return result;
}

}  // namespace slicemill
