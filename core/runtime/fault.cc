#include "core/runtime/fault.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "core/runtime/text.h"

namespace slicemill::fault_detail {
namespace {

struct Armed {
  std::string process;  // empty: any
  std::string point;
  std::string action;
  long at = 1;
  long passes = 0;
  bool lasting = false;  // an obstacle that fired: it stays
};

struct Table {
  std::mutex mutex;
  std::vector<Armed> faults;
  std::string process;  // kind of this one
  std::string log_path;
  std::function<Result<void>(std::string_view)> handler;  // instead of all this
  std::string cleared_path;
};

// Actions that fail as the machine does, by the names of their errors.
constexpr std::pair<std::string_view, int> kObstacleActions[] = {
    {"enospc", ENOSPC}, {"edquot", EDQUOT}, {"emfile", EMFILE}, {"eagain", EAGAIN}, {"eio", EIO}, {"erofs", EROFS}};

int obstacle_of(std::string_view action) {
  for (const auto& [name, number] : kObstacleActions)
    if (name == action) return number;
  return 0;
}

Table& table() {
  static Table instance;
  return instance;
}

bool load() {
  const char* setting = std::getenv("SLICEMILL_FAULT");
  if (setting == nullptr || *setting == '\0') return false;
  if (const char* path = std::getenv("SLICEMILL_FAULT_LOG")) table().log_path = path;
  if (const char* path = std::getenv("SLICEMILL_FAULT_CLEARED")) table().cleared_path = path;
  for (const auto& entry : split(setting, ',')) {
    const auto parts = split(entry, ':');
    const auto slash = parts[0].find('/');
    Armed fault{.process = slash == std::string::npos ? "" : parts[0].substr(0, slash),
                .point = slash == std::string::npos ? parts[0] : parts[0].substr(slash + 1),
                .action = parts.size() > 1 ? parts[1] : "kill"};
    if (parts.size() > 2) {
      if (const auto n = parse_integer(parts[2])) fault.at = *n;
    }
    table().faults.push_back(std::move(fault));
  }
  return true;
}

bool has_fired(const std::string& log_path, std::string_view point) {
  std::ifstream existing(log_path);
  std::string name, pid;
  while (existing >> name >> pid)
    if (name == point) return true;
  return false;
}

// A fault fires once over all processes that share the log: the line in it claims it, under a lock.
bool claim(const std::string& log_path, std::string_view point) {
  if (log_path.empty()) return true;
  const int fd = open(log_path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return true;
  flock(fd, LOCK_EX);
  bool free = !has_fired(log_path, point);
  if (free) {
    const std::string line = fmt::format("{} {}\n", point, getpid());
    free = write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    fsync(fd);
  }
  close(fd);  // and with it the lock
  return free;
}

std::string name_of(const Armed& fault) {
  return fault.process.empty() ? fault.point : fault.process + "/" + fault.point;
}

// An obstacle that a test can clear is there for every process, as a full disk would be.
bool stands(Armed& fault, const Table& shared) {
  if (shared.cleared_path.empty()) return fault.lasting;
  if (access(shared.cleared_path.c_str(), F_OK) == 0) return false;
  return fault.lasting = fault.lasting || has_fired(shared.log_path, name_of(fault));
}

void note(const std::string& log_path, std::string_view point) {
  const int fd = open((log_path + ".notes").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string line =
      fmt::format("{} {} {}\n", point, getpid(), std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  (void)!write(fd, line.data(), line.size());
  close(fd);
}

void wait_for_file(const std::string& path) {
  while (access(path.c_str(), F_OK) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

bool armed = load();

Result<void> pass(std::string_view point) {
  auto& shared = table();
  if (shared.handler) return shared.handler(point);
  std::unique_lock lock(shared.mutex);
  for (auto& fault : shared.faults) {
    if (fault.point != point || (!fault.process.empty() && fault.process != shared.process)) continue;
    if (fault.action == "note") {
      if (++fault.passes >= fault.at) note(shared.log_path, point);
      continue;
    }
    if (fault.action == "every") {
      if (++fault.passes < fault.at) continue;
      return Error(ErrorCode::io, fmt::format("fault point {} fired", point));
    }
    const int obstacle = obstacle_of(fault.action);
    if (obstacle == 0 || !stands(fault, shared)) {
      if (++fault.passes != fault.at || !claim(shared.log_path, name_of(fault))) continue;
    }
    if (obstacle != 0) {
      fault.lasting = true;
      return errno_error(obstacle, "fault point", point);
    }
    if (fault.action == "kill") {
      kill(getpid(), SIGKILL);
      pause();
    }
    if (fault.action == "hang") {
      lock.unlock();
      for (;;) pause();
    }
    if (fault.action == "wait") {
      lock.unlock();
      wait_for_file(fmt::format("{}.{}.go", shared.log_path, point));
      return {};
    }
    return Error(ErrorCode::io, fmt::format("fault point {} fired", point));
  }
  return {};
}

}  // namespace slicemill::fault_detail

namespace slicemill {

void set_fault_process(std::string_view kind) {
  if (!fault_detail::armed) return;
  auto& shared = fault_detail::table();
  const std::lock_guard lock(shared.mutex);
  shared.process = kind;
}

void set_fault_handler(std::function<Result<void>(std::string_view)> handler) {
  auto& shared = fault_detail::table();
  shared.handler = std::move(handler);
  fault_detail::armed = shared.handler != nullptr || !shared.faults.empty();
}

}  // namespace slicemill
