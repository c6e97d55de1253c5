#include "core/runtime/standard_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>

namespace slicemill {
namespace {

constexpr Duration kLookEvery = std::chrono::seconds(1);
constexpr Duration kLookWhenSilent = std::chrono::seconds(4);

struct Bound {
  std::mutex mutex;
  std::uint64_t limit = 0;  // 0: not bounded
  std::string path;
};

Bound& bound() {
  static Bound instance;
  return instance;
}

std::uint64_t present_size() {
  struct stat facts {};
  return fstat(STDOUT_FILENO, &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

// Requires: the mutex is held.
void turn_over(const std::string& path) {
  const bool renamed = std::rename(path.c_str(), (path + ".1").c_str()) == 0;
  const int fd = renamed ? open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
  if (fd < 0) {  // its place is gone, or the machine is out of something: then the text goes
    [[maybe_unused]] const int emptied = ftruncate(STDOUT_FILENO, 0);
    return;
  }
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  close(fd);
}

Result<void> write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno_error(errno, "write", "standard output");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

void look_again(Loop& loop, std::uint64_t seen) {
  const std::uint64_t size = present_size();
  loop.around(size == seen ? kLookWhenSilent : kLookEvery, [&loop, size] {
    {
      Bound& output = bound();
      const std::lock_guard lock(output.mutex);
      if (present_size() >= output.limit) turn_over(output.path);
    }
    look_again(loop, size);
  });
}

}  // namespace

void bound_standard_output(Loop& loop, std::uint64_t limit_bytes) {
  struct stat facts {};
  std::error_code failed;
  const std::string path = std::filesystem::read_symlink("/proc/self/fd/1", failed).string();
  if (failed || fstat(STDOUT_FILENO, &facts) != 0 || !S_ISREG(facts.st_mode)) return;
  {
    Bound& output = bound();
    const std::lock_guard lock(output.mutex);
    output.limit = limit_bytes;
    output.path = path;
  }
  look_again(loop, 0);
}

Result<void> write_standard_output(std::string_view bytes) {
  Bound& output = bound();
  const std::lock_guard lock(output.mutex);
  if (output.limit == 0) return write_out(bytes);
  while (!bytes.empty()) {
    const std::uint64_t size = present_size();
    if (size >= output.limit) turn_over(output.path);
    const std::uint64_t room = size >= output.limit ? output.limit : output.limit - size;
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size()));
    RETURN_IF_ERROR(write_out(bytes.substr(0, part)));
    bytes.remove_prefix(part);
  }
  return {};
}

}  // namespace slicemill
