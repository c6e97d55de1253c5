#include "master/data_directory.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "core/runtime/files.h"

namespace slicemill::master {

namespace {

// Whoever holds the lock wrote its pid into the file.
std::string holder_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t count = pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  pid.erase(pid.find_last_not_of(" \n") + 1);
  return pid.empty() ? "unknown" : pid;
}

Result<void> write_pid(int fd, const std::string& path) {
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return errno_error(errno, "cannot write", path);
  }
  return {};
}

// In a directory that everybody may write to, so it must be made by us, for us alone: whoever could replace it could
// pose as a controller.
Result<void> make_private_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return errno_error(errno, "cannot create runtime directory", path);
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0) return errno_error(errno, "cannot read runtime directory", path);
  const char* wrong = !S_ISDIR(facts.st_mode)       ? "is no directory"
                      : facts.st_uid != geteuid()   ? "belongs to another user"
                      : (facts.st_mode & 0077) != 0 ? "is open to other users (its mode must be 0700)"
                                                    : nullptr;
  if (wrong != nullptr)
    return Error{ErrorCode::invalid, fmt::format("runtime directory {} {}; remove it", path, wrong)};
  return {};
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const DataLayout& layout) {
  RETURN_IF_ERROR(posix_files().create_directories(layout.data));
  const std::string path = layout.lock_file();
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return errno_error(errno, "data directory is not usable, cannot open", path);
  std::unique_ptr<DataDirectory> directory(new DataDirectory(fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error(errno, "cannot lock", path);
    return Error{ErrorCode::conflict,
                 fmt::format("data directory {} is in use by process {}", layout.data, holder_of(fd))};
  }
  RETURN_IF_ERROR(write_pid(fd, path));
  RETURN_IF_ERROR(make_private_directory(layout.runtime));
  // Launch files carry the environment that users give their jobs.
  const std::string launches = layout.data + "/launch";
  if (mkdir(launches.c_str(), 0700) != 0 && errno != EEXIST) return errno_error(errno, "cannot create", launches);
  return directory;
}

DataDirectory::~DataDirectory() {
  close(lock_fd_);
}

}  // namespace slicemill::master
