#include "core/outputs/stored_file.h"

#include <vector>

#include "core/outputs/output_hash.h"

namespace slicemill {

namespace {

constexpr std::size_t kReadBytes = 1 << 20;

}  // namespace

Result<StoredFile> read_stored_file(Files& files, const std::string& path,
                                    const std::function<Result<void>(std::string_view)>& each) {
  ASSIGN_OR_RETURN(const auto file, files.open(path));
  ASSIGN_OR_RETURN(const FileStat stat, file->stat());
  OutputHash hash;
  // One byte more than the file has, so that a small file costs one read and no megabyte.
  std::vector<char> buffer(std::min<std::uint64_t>(kReadBytes, stat.size + 1));
  StoredFile stored;
  for (;;) {
    ASSIGN_OR_RETURN(const std::size_t got, file->read_at(stored.bytes, buffer));
    if (got == 0) break;
    hash.update({buffer.data(), got});
    stored.bytes += got;
    if (each) RETURN_IF_ERROR(each({buffer.data(), got}));
  }
  stored.checksum = hash.digest();
  return stored;
}

Result<bool> is_stored_file(Files& files, const std::string& path, const OutputFacts& facts) {
  ASSIGN_OR_RETURN(const FileStat stat, files.stat(path));
  if (stat.is_directory || stat.size != facts.bytes) return false;
  ASSIGN_OR_RETURN(const StoredFile stored, read_stored_file(files, path));
  return stored.is_what(facts);
}

}  // namespace slicemill
