// What a background process prints outside of its log, in a file that stays bounded: when it has grown to the limit it
// becomes `<file>.1`, and a new one begins. Standard output and error are one file there.
//
// Direct writes to a file, and no pipe with a reader: what a process prints while it dies is kept, and nothing waits
// for anybody.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/runtime/loop.h"
#include "core/runtime/result.h"

namespace slicemill {

inline constexpr std::uint64_t kMostOutputBytes = 16 << 20;  // of one file

// For a process whose standard output is a file of its own: keeps it within the limit, looking each second at what
// others (libraries) have printed, and at once at what write_standard_output writes. Without effect if it is no regular
// file. Once per process; the loop outlives every print.
void bound_standard_output(Loop& loop, std::uint64_t limit_bytes = kMostOutputBytes);

// Whole, or an error. Any thread.
Result<void> write_standard_output(std::string_view bytes);

}  // namespace slicemill
