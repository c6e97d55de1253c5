#include "core/ledger/growing_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "core/runtime/files.h"

namespace slicemill {

namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(std::unique_ptr<rocksdb::FSWritableFile> file, const std::atomic<bool>& settled)
      : FSWritableFileOwnerWrapper(std::move(file)), settled_(settled) {}
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return settled_ ? FSWritableFileOwnerWrapper::Sync(options, debug) : IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return settled_ ? FSWritableFileOwnerWrapper::Fsync(options, debug) : IOStatus::OK();
  }

 private:
  const std::atomic<bool>& settled_;
};

class Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(std::unique_ptr<rocksdb::FSDirectory> directory, const std::atomic<bool>& settled)
      : FSDirectoryWrapper(std::move(directory)), settled_(settled) {}
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return settled_ ? FSDirectoryWrapper::Fsync(options, debug) : IOStatus::OK();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& reason) override {
    return settled_ ? FSDirectoryWrapper::FsyncWithDirOptions(options, debug, reason) : IOStatus::OK();
  }

 private:
  const std::atomic<bool>& settled_;
};

Result<void> sync_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno_error(errno, "cannot open", path);
  const int failed = ::fdatasync(file) == 0 ? 0 : errno;
  ::close(file);
  if (failed != 0) return errno_error(failed, "cannot sync", path);
  return {};
}

}  // namespace

IOStatus GrowingFiles::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  // To RocksDB that is a warning (DBOptions::fail_if_options_file_error), which nobody sees.
  if (!settled_ && std::string_view(path).substr(path.rfind('/') + 1).starts_with("OPTIONS-"))
    return IOStatus::NotSupported("a new ledger has no options file");
  IOStatus made = FileSystemWrapper::NewWritableFile(path, options, file, debug);
  if (made.ok() && !settled_) *file = std::make_unique<File>(std::move(*file), settled_);
  return made;
}

IOStatus GrowingFiles::NewDirectory(const std::string& path, const IOOptions& options,
                                    std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) {
  IOStatus made = FileSystemWrapper::NewDirectory(path, options, directory, debug);
  if (made.ok() && !settled_) *directory = std::make_unique<Directory>(std::move(*directory), settled_);
  return made;
}

Result<void> GrowingFiles::settle(const std::string& directory) {
  ASSIGN_OR_RETURN(const auto names, posix_files().list(directory));
  for (const auto& name : names) {
    // It is empty; and closing a file that a process has locked ends its lock (fcntl(2)).
    if (name == "LOCK") continue;
    RETURN_IF_ERROR(sync_file(fmt::format("{}/{}", directory, name)));
  }
  RETURN_IF_ERROR(posix_files().sync_directory(directory));
  settled_ = true;
  return {};
}

}  // namespace slicemill
