#include "core/runtime/files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "core/runtime/byte_stream.h"

namespace slicemill {
namespace {

FileKind kind_of(const struct stat& native) {
  constexpr unsigned kNullMajor = 1, kNullMinor = 3;
  if (S_ISREG(native.st_mode)) return FileKind::regular;
  if (S_ISDIR(native.st_mode)) return FileKind::directory;
  if (S_ISLNK(native.st_mode)) return FileKind::link;
  if (S_ISFIFO(native.st_mode)) return FileKind::pipe;
  if (S_ISSOCK(native.st_mode)) return FileKind::socket;
  const bool is_null = S_ISCHR(native.st_mode) && native.st_rdev == makedev(kNullMajor, kNullMinor);
  return is_null ? FileKind::null_device : FileKind::device;
}

// Of what readdir said, without a further call where the file system tells.
FileKind kind_of(const std::filesystem::directory_entry& entry) {
  std::error_code error;
  switch (entry.symlink_status(error).type()) {
    case std::filesystem::file_type::directory:
      return FileKind::directory;
    case std::filesystem::file_type::symlink:
      return FileKind::link;
    case std::filesystem::file_type::fifo:
      return FileKind::pipe;
    case std::filesystem::file_type::socket:
      return FileKind::socket;
    case std::filesystem::file_type::character:
    case std::filesystem::file_type::block:
      return FileKind::device;
    default:
      return FileKind::regular;
  }
}

FileStat from_native(const struct stat& native) {
  return {.is_directory = S_ISDIR(native.st_mode),
          .size = static_cast<std::uint64_t>(native.st_size),
          .mtime_ns = native.st_mtim.tv_sec * 1'000'000'000LL + native.st_mtim.tv_nsec,
          .inode = native.st_ino,
          .device = native.st_dev,
          .kind = kind_of(native)};
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixWritableFile() override {
    if (fd_ >= 0) ::close(fd_);
  }

  Result<void> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return errno_error(errno, "cannot write", path_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<void> sync() override {
    if (fdatasync(fd_) != 0) return errno_error(errno, "cannot sync", path_);
    return {};
  }

  Result<void> close() override {
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0) return errno_error(errno, "cannot close", path_);
    return {};
  }

 private:
  int fd_;
  std::string path_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixReadableFile() override { ::close(fd_); }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
    for (;;) {
      const ssize_t got = pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(offset));
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return errno_error(errno, "cannot read", path_);
    }
  }

  Result<FileStat> stat() override {
    struct stat native {};
    if (fstat(fd_, &native) != 0) return errno_error(errno, "cannot stat", path_);
    return from_native(native);
  }

 private:
  int fd_;
  std::string path_;
};

class PosixFiles final : public Files {
 public:
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return errno_error(errno, "cannot create", path);
    return std::unique_ptr<WritableFile>(std::make_unique<PosixWritableFile>(fd, path));
  }

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    // Non-blocking: a pipe without a writer would hold the thread for ever. It changes nothing for files.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return errno_error(errno, "cannot open", path);
    return std::unique_ptr<ReadableFile>(std::make_unique<PosixReadableFile>(fd, path));
  }

  Result<FileStat> stat(const std::string& path) override {
    struct stat native {};
    if (::stat(path.c_str(), &native) != 0) return errno_error(errno, "cannot stat", path);
    return from_native(native);
  }

  bool is_name(const std::string& path) override {
    struct stat native {};
    return ::lstat(path.c_str(), &native) == 0;
  }

  bool has_true_sizes(const std::string& path) override {
    struct statfs native {};
    if (::statfs(path.c_str(), &native) != 0) return true;
    constexpr std::array<std::uint32_t, 8> kMadeByTheKernel = {
        PROC_SUPER_MAGIC, SYSFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
        SECURITYFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,      BPF_FS_MAGIC};
    return std::find(kMadeByTheKernel.begin(), kMadeByTheKernel.end(), static_cast<std::uint32_t>(native.f_type)) ==
           kMadeByTheKernel.end();
  }

  Result<void> create_directories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return errno_error(error.value(), "cannot create directory", path);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    std::error_code error;
    std::vector<std::string> names;
    std::filesystem::directory_iterator entry(path, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
      names.push_back(entry->path().filename().string());
    if (error) return errno_error(error.value(), "cannot list", path);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<std::vector<DirectoryEntry>> list_entries(const std::string& path) override {
    std::error_code error;
    std::vector<DirectoryEntry> entries;
    std::filesystem::directory_iterator entry(path, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
      entries.push_back({entry->path().filename().string(), kind_of(*entry)});
    if (error) return errno_error(error.value(), "cannot list", path);
    return entries;
  }

  Result<void> rename_replace(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return errno_error(errno, "cannot rename " + from + " to", to);
    return {};
  }

  Result<void> rename_no_replace(const std::string& from, const std::string& to) override {
    if (syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    // File systems without the flag: a hard link refuses to replace as well.
    if (errno == EINVAL || errno == ENOSYS) {
      if (link(from.c_str(), to.c_str()) == 0) {
        if (unlink(from.c_str()) != 0) return errno_error(errno, "cannot unlink", from);
        return {};
      }
    }
    return errno_error(errno, "cannot rename " + from + " to", to);
  }

  Result<void> exchange(const std::string& one, const std::string& other) override {
    if (syscall(SYS_renameat2, AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) return {};
    if (errno == EINVAL || errno == ENOSYS)
      return Error(ErrorCode::unsupported,
                   fmt::format("cannot exchange {} and {}: {}", one, other, std::strerror(errno)));
    return errno_error(errno, "cannot exchange " + one + " and", other);
  }

  Result<void> sync_directory(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno_error(errno, "cannot open directory", path);
    const int failed = fsync(fd);
    const int saved = errno;
    ::close(fd);
    if (failed != 0) return errno_error(saved, "cannot sync directory", path);
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0 && errno != ENOENT) return errno_error(errno, "cannot remove", path);
    return {};
  }

  Result<void> remove_tree(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return errno_error(error.value(), "cannot remove", path);
    return {};
  }
};

}  // namespace

std::string_view to_string(FileKind kind) {
  switch (kind) {
    case FileKind::regular:
      return "a file";
    case FileKind::directory:
      return "a directory";
    case FileKind::link:
      return "a link";
    case FileKind::pipe:
      return "a pipe";
    case FileKind::socket:
      return "a socket";
    case FileKind::device:
    case FileKind::null_device:
      return "a device";
  }
  return "a file";
}

Result<void> Files::exchange(const std::string& one, const std::string& other) {
  return Error(ErrorCode::unsupported, fmt::format("cannot exchange {} and {} here", one, other));
}

Result<std::vector<DirectoryEntry>> Files::list_entries(const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, list(path));
  std::vector<DirectoryEntry> entries;
  for (const std::string& name : names) {
    const auto named = stat(path == "/" ? path + name : path + "/" + name);
    entries.push_back({name, named && named->is_directory ? FileKind::directory : FileKind::regular});
  }
  return entries;
}

Files& posix_files() {
  static PosixFiles instance;
  return instance;
}

namespace {

constexpr std::int64_t kFirstWriterMs = 60'000;  // that a pipe waits for somebody who writes

// read: bytes at an offset, none at the end.
template <typename Read>
Result<std::string> read_to_end(const std::string& name, std::uint64_t limit_bytes, const Read& read) {
  std::string text;
  std::array<char, 16 << 10> buffer;
  for (;;) {  // until the end, whatever stat said: files of /proc have no size
    ASSIGN_OR_RETURN(const std::size_t got, read(text.size(), buffer));
    if (got == 0) return text;
    text.append(buffer.data(), got);
    if (text.size() > limit_bytes)
      return Error(ErrorCode::invalid, name + " is larger than " + std::to_string(limit_bytes) + " bytes");
  }
}

Result<std::string> read_stream(const std::string& path, const std::string& name, std::uint64_t limit_bytes) {
  ASSIGN_OR_RETURN(const auto stream, open_byte_stream(path, kFirstWriterMs));
  return read_to_end(name, limit_bytes,
                     [&](std::size_t, std::span<char> buffer) { return stream->read(buffer, nullptr); });
}

}  // namespace

Result<std::string> read_whole_file(Files& files, const std::string& path, std::uint64_t limit_bytes) {
  ASSIGN_OR_RETURN(const auto file, files.open(path));
  ASSIGN_OR_RETURN(const FileStat stat, file->stat());
  if (stat.is_directory) return Error(ErrorCode::invalid, path + " is a directory, not a file");
  if (stat.kind == FileKind::pipe) return read_stream(path, path, limit_bytes);
  return read_to_end(path, limit_bytes,
                     [&](std::size_t offset, std::span<char> buffer) { return file->read_at(offset, buffer); });
}

Result<std::string> read_standard_input(std::uint64_t limit_bytes) {
  return read_stream("/dev/stdin", "standard input", limit_bytes);
}

}  // namespace slicemill
