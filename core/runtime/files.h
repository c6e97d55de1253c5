// The seam to the file system, for what must survive a crash: staging, publishing, joining, verifying. Any thread.
//
// Every error names the path. Bodies: PosixFiles here; a forgetting, failing one in tests/simulation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill {

enum class FileKind : std::uint8_t { regular, directory, link, pipe, socket, device, null_device };

// "a pipe", "a socket", ... as errors say it.
std::string_view to_string(FileKind kind);

struct FileStat {
  bool is_directory = false;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;  // that the inode is of; may differ after a reboot
  FileKind kind = FileKind::regular;
};

struct DirectoryEntry {
  std::string name;
  FileKind kind = FileKind::regular;  // of the name itself: a link is a link
};

class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes; does not sync
  virtual Result<void> write(std::string_view bytes) = 0;
  virtual Result<void> sync() = 0;  // fdatasync: contents and size are durable, the name is not (see sync_directory)
  virtual Result<void> close() = 0;
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Up to buffer.size() bytes at offset; 0 at the end.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) = 0;
  virtual Result<FileStat> stat() = 0;  // of the open file, not of the name
};

class Files {
 public:
  virtual ~Files() = default;

  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;  // truncates
  // Never waits, whatever is there: a pipe is opened too, but cannot be read at an offset (byte_stream.h does that).
  virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;
  virtual Result<FileStat> stat(const std::string& path) = 0;  // links are followed
  // The name is there, whether or not what it links to is.
  virtual bool is_name(const std::string& path) { return stat(path).has_value(); }
  // False: the kernel makes the contents when they are read (/proc, /sys), so their size is not known before.
  virtual bool has_true_sizes(const std::string&) { return true; }
  virtual Result<void> create_directories(const std::string& path) = 0;
  // Names only, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  // The same with kinds; by default by stat() of each.
  virtual Result<std::vector<DirectoryEntry>> list_entries(const std::string& path);
  virtual Result<void> rename_replace(const std::string& from, const std::string& to) = 0;
  // conflict if `to` exists.
  virtual Result<void> rename_no_replace(const std::string& from, const std::string& to) = 0;
  // Each name gets what the other one had, in one step. unsupported: the file system cannot.
  virtual Result<void> exchange(const std::string& one, const std::string& other);
  virtual Result<void> sync_directory(const std::string& path) = 0;
  virtual Result<void> remove(const std::string& path) = 0;       // file or empty directory; missing is fine
  virtual Result<void> remove_tree(const std::string& path) = 0;  // missing is fine
};

Files& posix_files();

// The whole file as text: for configuration, jobs, launch files. A pipe is read to its end. invalid if it is a
// directory or larger than
// limit_bytes.
Result<std::string> read_whole_file(Files& files, const std::string& path, std::uint64_t limit_bytes = 64u << 20);
// The same for what this process was given to read.
Result<std::string> read_standard_input(std::uint64_t limit_bytes = 64u << 20);

}  // namespace slicemill
