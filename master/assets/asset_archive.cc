#include "master/assets/asset_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <set>

#include "core/runtime/files.h"
#include "core/runtime/text.h"
#include "master/assets/bundled_script.h"

namespace slicemill::master {

namespace {

constexpr std::size_t kReadBytes = 64 << 10;
constexpr std::uint64_t kManifestLimit = 1 << 20;
constexpr std::uint64_t kScriptLimit = 64 << 20;
constexpr std::string_view kZipMagic("PK\x03\x04", 4);

Error too_large(const UnpackLimits& limits) {
  return {ErrorCode::unsupported,
          fmt::format("the asset exceeds the limit of {} unpacked bytes (asset_unpacked_limit)", limits.bytes)};
}

// Why an entry of this name must not be unpacked; "" if it may.
std::string fault_of_path(const std::string& path) {
  if (path.empty()) return "has no name";
  if (path.front() == '/') return "has an absolute path";
  if (path.find('\\') != std::string::npos) return "has a backslash in its path";
  const auto parts = split(path, '/');
  if (std::ranges::find(parts, "..") != parts.end()) return "leads out of the bundle";
  return "";
}

// One zip being unpacked.
class Unpacking {
 public:
  Unpacking(const std::string& directory, const UnpackLimits& limits) : directory_(directory), limits_(limits) {}
  ~Unpacking() { archive_read_free(archive_); }
  Unpacking(const Unpacking&) = delete;
  Unpacking& operator=(const Unpacking&) = delete;

  Result<void> run(const std::string& zip) {
    if (archive_ == nullptr) return Error(ErrorCode::internal, "cannot make a reader of zips");
    archive_read_support_format_zip(archive_);
    if (archive_read_open_filename(archive_, zip.c_str(), kReadBytes) != ARCHIVE_OK) return broken();
    for (;;) {
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(archive_, &entry);
      if (status == ARCHIVE_EOF) return {};
      if (status < ARCHIVE_WARN) return broken();
      if (++entries_ > limits_.entries)
        return Error(ErrorCode::invalid, fmt::format("the asset has more than {} entries", limits_.entries));
      RETURN_IF_ERROR(take(entry));
    }
  }

 private:
  Error broken() const {
    const char* why = archive_error_string(archive_);
    return {ErrorCode::invalid,
            fmt::format("the zip of the asset is broken: {}", why != nullptr ? why : "no reason given")};
  }

  Result<void> take(archive_entry* entry) {
    const char* name = archive_entry_pathname_utf8(entry);
    if (name == nullptr) name = archive_entry_pathname(entry);
    std::string path(name != nullptr ? name : "");
    const auto refuse = [&](std::string_view why) {
      return Error(ErrorCode::invalid, fmt::format("the asset's entry \"{}\" {}", path, why));
    };
    if (const auto fault = fault_of_path(path); !fault.empty()) return refuse(fault);
    const auto type = archive_entry_filetype(entry);
    const bool is_link = archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr;
    if (is_link || (type != AE_IFREG && type != AE_IFDIR)) return refuse("is neither a file nor a directory");
    while (path.ends_with('/')) path.pop_back();
    const std::string target = directory_ + "/" + path;
    if (type == AE_IFDIR) return posix_files().create_directories(target);
    if (const auto slash = path.rfind('/'); slash != std::string::npos)
      RETURN_IF_ERROR(posix_files().create_directories(directory_ + "/" + path.substr(0, slash)));
    const mode_t mode = (archive_entry_perm(entry) & 0111) != 0 ? 0755 : 0644;
    const int fd = ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST) return refuse("is there twice");
    if (fd < 0) return errno_error(errno, "cannot create", target);
    auto copied = copy(fd, target);
    if (::close(fd) != 0 && copied) copied = errno_error(errno, "cannot write", target);
    return copied;
  }

  Result<void> copy(int fd, const std::string& target) {
    std::array<char, kReadBytes> buffer{};
    for (;;) {
      const la_ssize_t got = archive_read_data(archive_, buffer.data(), buffer.size());
      if (got < 0) return broken();
      if (got == 0) return {};
      bytes_ += static_cast<std::uint64_t>(got);
      if (bytes_ > limits_.bytes) return too_large(limits_);
      for (std::string_view rest(buffer.data(), static_cast<std::size_t>(got)); !rest.empty();) {
        const ssize_t written = ::write(fd, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno_error(errno, "cannot write", target);
        rest.remove_prefix(static_cast<std::size_t>(written));
      }
    }
  }

  const std::string& directory_;
  const UnpackLimits& limits_;
  archive* archive_ = archive_read_new();
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
};

// A bundle may have thousands of small files: one sync of their file system instead of one for each.
Result<void> sync_file_system(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno_error(errno, "cannot open directory", directory);
  const int failed = syncfs(fd);
  const int saved = errno;
  ::close(fd);
  if (failed != 0) return errno_error(saved, "cannot sync", directory);
  return {};
}

bool is_part_of_operation(const std::string& file) {
  static constexpr std::array<std::string_view, 4> kParts = {"processor", "fetcher", "slicer", "api"};
  static constexpr std::array<std::string_view, 4> kEndings = {".js", ".cjs", ".mjs", ".ts"};
  return std::ranges::any_of(kEndings, [&](std::string_view ending) {
    return file.ends_with(ending) &&
           std::ranges::find(kParts, std::string_view(file).substr(0, file.size() - ending.size())) != kParts.end();
  });
}

}  // namespace

Error not_a_zip() {
  return {ErrorCode::invalid, "Failed to save asset. File type not recognized as zip."};
}

bool begins_like_zip(std::string_view bytes) {
  return bytes.starts_with(kZipMagic);
}

Result<void> unpack_zip(const std::string& zip, const std::string& directory, const UnpackLimits& limits) {
  std::array<char, kZipMagic.size()> magic{};
  {
    ASSIGN_OR_RETURN(const auto file, posix_files().open(zip));
    ASSIGN_OR_RETURN(const std::size_t got, file->read_at(0, magic));
    if (!begins_like_zip({magic.data(), got})) return not_a_zip();
  }
  RETURN_IF_ERROR(posix_files().create_directories(directory));
  RETURN_IF_ERROR(Unpacking(directory, limits).run(zip));
  return sync_file_system(directory);
}

Result<BundleContents> read_bundle(const std::string& directory, const JobDialect& dialect) {
  const std::string path = directory + "/asset.json";
  const auto stat = posix_files().stat(path);
  if (!stat || stat->is_directory)
    return Error(ErrorCode::corrupt, "asset.json was not found in root directory of asset bundle");
  ASSIGN_OR_RETURN(const std::string text, read_whole_file(posix_files(), path, kManifestLimit));
  BundleContents contents;
  ASSIGN_OR_RETURN(contents.manifest, dialect.read_manifest(text));
  ASSIGN_OR_RETURN(const auto names, posix_files().list(directory));
  for (const auto& name : names) {
    const std::string folder = directory + "/" + name;
    const auto facts = posix_files().stat(folder);
    if (name.starts_with('.') || !facts || !facts->is_directory) continue;
    ASSIGN_OR_RETURN(const auto files, posix_files().list(folder));
    if (std::ranges::any_of(files, is_part_of_operation)) contents.operations.push_back(name);
  }
  for (const char* script : {"index.js", "index.cjs", "index.mjs"}) {
    // One that cannot be read as far as this offers nothing; the bundle is good for its files.
    const auto whole = read_whole_file(posix_files(), directory + "/" + script, kScriptLimit);
    if (!whole) continue;
    for (auto& name : bundled_operations(*whole)) contents.operations.push_back(std::move(name));
  }
  std::ranges::sort(contents.operations);
  const auto repeated = std::ranges::unique(contents.operations);
  contents.operations.erase(repeated.begin(), repeated.end());
  return contents;
}

}  // namespace slicemill::master
