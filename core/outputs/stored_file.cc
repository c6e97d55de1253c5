#include "core/outputs/stored_file.h"

#include <xxhash.h>

#include <memory>
#include <vector>

namespace slicemill {

namespace {

constexpr std::size_t kReadBytes = 1 << 20;

struct FreeHash {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

}  // namespace

Result<StoredFile> read_stored_file(Files& files, const std::string& path,
                                    const std::function<Result<void>(std::string_view)>& each) {
  ASSIGN_OR_RETURN(const auto file, files.open(path));
  ASSIGN_OR_RETURN(const FileStat stat, file->stat());
  const std::unique_ptr<XXH3_state_t, FreeHash> hash(XXH3_createState());
  XXH3_64bits_reset(hash.get());
  // One byte more than the file has, so that a small file costs one read and no megabyte.
  std::vector<char> buffer(std::min<std::uint64_t>(kReadBytes, stat.size + 1));
  StoredFile stored;
  for (;;) {
    ASSIGN_OR_RETURN(const std::size_t got, file->read_at(stored.bytes, buffer));
    if (got == 0) break;
    XXH3_64bits_update(hash.get(), buffer.data(), got);
    stored.bytes += got;
    if (each) RETURN_IF_ERROR(each({buffer.data(), got}));
  }
  stored.checksum = XXH3_64bits_digest(hash.get());
  return stored;
}

Result<bool> is_stored_file(Files& files, const std::string& path, const OutputFacts& facts) {
  ASSIGN_OR_RETURN(const FileStat stat, files.stat(path));
  if (stat.is_directory || stat.size != facts.bytes) return false;
  ASSIGN_OR_RETURN(const StoredFile stored, read_stored_file(files, path));
  return stored.is_what(facts);
}

}  // namespace slicemill
