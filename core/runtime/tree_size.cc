#include "core/runtime/tree_size.h"

#include <filesystem>
#include <system_error>

namespace slicemill {

std::uint64_t size_of_tree(const std::string& directory) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  std::filesystem::recursive_directory_iterator entry(directory, failed);
  for (const std::filesystem::recursive_directory_iterator end; !failed && entry != end; entry.increment(failed)) {
    std::error_code ignored;
    if (!entry->is_regular_file(ignored)) continue;
    const auto size = entry->file_size(ignored);
    if (!ignored) bytes += size;
  }
  return bytes;
}

}  // namespace slicemill
