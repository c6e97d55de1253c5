// How much room a directory takes. Any thread; blocks.
#pragma once

#include <cstdint>
#include <string>

namespace slicemill {

// Bytes of all regular files below it. What cannot be read, or goes meanwhile, counts nothing.
std::uint64_t size_of_tree(const std::string& directory);

}  // namespace slicemill
