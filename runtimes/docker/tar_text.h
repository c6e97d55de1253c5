// Archives in memory, as containers take and give files. Pure, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::docker {

struct ArchivedFile {
  std::string path;  // relative; directories on its way are made
  std::string content;
  unsigned mode = 0444;
};

Result<std::string> tar_of(const std::vector<ArchivedFile>& files);

// The content of the first regular file. not_found: there is none. no more than `most` bytes are read: invalid beyond.
Result<std::string> file_in_tar(std::string_view tar, std::size_t most);

}  // namespace slicemill::docker
