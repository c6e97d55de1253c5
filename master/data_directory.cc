#include "master/data_directory.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include "core/runtime/files.h"
#include "core/runtime/ids.h"
#include "core/runtime/json.h"
#include "core/runtime/private_directory.h"

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

// What a file is known by, whatever it is called: its birth too, as inodes are used again. Where the file system does
// not tell that, the device must do.
struct FileIdentity {
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  // 0: not known
  std::uint64_t device = 0;
};

Result<FileIdentity> identity_of(int fd, const std::string& path) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  struct statx facts {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &facts) != 0)
    return errno_error(errno, "cannot read", path);
  FileIdentity identity;
  identity.inode = facts.stx_ino;
  if ((facts.stx_mask & STATX_BTIME) != 0)
    identity.birth_ns = facts.stx_btime.tv_sec * kSecond + facts.stx_btime.tv_nsec;
  identity.device = (static_cast<std::uint64_t>(facts.stx_dev_major) << 32) | facts.stx_dev_minor;
  return identity;
}

bool is_same(const FileIdentity& one, const FileIdentity& other) {
  if (one.inode != other.inode || one.birth_ns != other.birth_ns) return false;
  return one.birth_ns != 0 || one.device == other.device;
}

struct StoredIdentity {
  std::string digits;
  std::string path;
  FileIdentity lock;
};

Result<StoredIdentity> parse_identity(const std::string& text) {
  try {
    ASSIGN_OR_RETURN(const Json json, parse_json(text));
    return StoredIdentity{json.at("runtime").get<std::string>(),
                          json.at("path").get<std::string>(),
                          {json.at("lock_inode").get<std::uint64_t>(), json.at("lock_birth_ns").get<std::int64_t>(),
                           json.at("lock_device").get<std::uint64_t>()}};
  } catch (const nlohmann::json::exception& error) {
    return Error{ErrorCode::corrupt, error.what()};
  }
}

std::string identity_file(const DataLayout& layout) {
  return layout.data + "/identity";
}

Result<std::string> real_path(const std::string& path) {
  char* const found = realpath(path.c_str(), nullptr);
  if (found == nullptr) return errno_error(errno, "cannot follow", path);
  std::string real = found;
  std::free(found);
  return real;
}

std::string new_digits() {
  return random_uuid().substr(0, 8);
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const std::string& path) {
  RETURN_IF_ERROR(posix_files().create_directories(path));
  const std::string lock = DataLayout::of(path).lock_file();
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return errno_error(errno, "data directory is not usable, cannot open", lock);
  std::unique_ptr<DataDirectory> directory(new DataDirectory(fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error(errno, "cannot lock", lock);
    return Error{ErrorCode::conflict, fmt::format("data directory {} is in use by process {}", path, holder_of(fd))};
  }
  RETURN_IF_ERROR(write_pid(fd, lock));
  RETURN_IF_ERROR(directory->identify(path));
  const DataLayout& layout = directory->layout_;
  RETURN_IF_ERROR(make_private_directory(layout.runtime));
  // Launch files carry the environment that users give their jobs.
  const std::string launches = layout.data + "/launch";
  if (mkdir(launches.c_str(), 0700) != 0 && errno != EEXIST) return errno_error(errno, "cannot create", launches);
  return directory;
}

Result<void> DataDirectory::identify(const std::string& given_path) {
  ASSIGN_OR_RETURN(const std::string path, real_path(given_path));
  ASSIGN_OR_RETURN(const FileIdentity lock, identity_of(lock_fd_, path));
  layout_ = DataLayout::of(path);
  std::string digits;
  const auto text = read_whole_file(posix_files(), identity_file(layout_));
  if (text) {
    const auto stored = parse_identity(*text);
    if (!stored || !is_same(stored->lock, lock)) {
      origin_ = Origin::copied;
      digits = new_digits();
    } else {
      origin_ = stored->path == path ? Origin::same : Origin::moved;
      digits = stored->digits;
    }
    if (stored) former_path_ = stored->path;
  } else if (text.error().code != ErrorCode::not_found) {
    return text.error();
  } else if (posix_files().stat(layout_.registry_file())) {
    digits.clear();  // of a version that went by the path
    layout_ = DataLayout{path, DataLayout::of(given_path).runtime};
  } else {
    digits = new_digits();
  }
  if (!digits.empty()) layout_ = DataLayout::of(path, digits);
  identity_ = to_compact_text(Json{{"runtime", layout_.runtime.substr(layout_.runtime.rfind('-') + 1)},
                                   {"path", path},
                                   {"lock_inode", lock.inode},
                                   {"lock_birth_ns", lock.birth_ns},
                                   {"lock_device", lock.device}});
  return {};
}

Result<void> DataDirectory::confirm() {
  Files& files = posix_files();
  const std::string path = identity_file(layout_);
  if (const auto text = read_whole_file(files, path); text && *text == identity_) return {};
  ASSIGN_OR_RETURN(auto file, files.create(path + ".new"));
  RETURN_IF_ERROR(file->write(identity_));
  RETURN_IF_ERROR(file->sync());
  RETURN_IF_ERROR(file->close());
  RETURN_IF_ERROR(files.rename_replace(path + ".new", path));
  return files.sync_directory(layout_.data);
}

DataDirectory::~DataDirectory() {
  close(lock_fd_);
}

}  // namespace slicemill::master
