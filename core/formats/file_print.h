// A file's print: a hash of its head and of what stands before a given byte. It tells a file that grew (the print up to
// the old end is the same) from one that was written anew. Blocking; any thread.
#pragma once

#include <cstdint>

#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill {

constexpr std::uint64_t kPrintedBytes = 1024;  // of the head, and of the end

// Of the file's first `end` bytes: 0 for none. A file that is shorter has another print than any that is not.
Result<std::uint64_t> file_print(ReadableFile& file, std::uint64_t end);

}  // namespace slicemill
