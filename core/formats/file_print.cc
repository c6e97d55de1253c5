#include "core/formats/file_print.h"

#include <xxhash.h>

#include <algorithm>
#include <array>

namespace slicemill {

Result<std::uint64_t> file_print(ReadableFile& file, std::uint64_t end) {
  if (end == 0) return std::uint64_t{0};
  std::array<char, 2 * kPrintedBytes> bytes;
  std::size_t filled = 0;
  // Adds the bytes [begin, to); fewer if the file ends there.
  const auto add = [&](std::uint64_t begin, std::uint64_t to) -> Result<void> {
    while (begin < to) {
      ASSIGN_OR_RETURN(const std::size_t got,
                       file.read_at(begin, std::span(bytes).subspan(filled, static_cast<std::size_t>(to - begin))));
      if (got == 0) break;
      begin += got;
      filled += got;
    }
    return {};
  };
  if (end <= bytes.size()) {
    RETURN_IF_ERROR(add(0, end));
  } else {
    RETURN_IF_ERROR(add(0, kPrintedBytes));
    RETURN_IF_ERROR(add(end - kPrintedBytes, end));
  }
  return XXH3_64bits_withSeed(bytes.data(), filled, end);
}

}  // namespace slicemill
