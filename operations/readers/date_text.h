// Dates of generated records: reading the bounds, writing many quickly.
#pragma once

#include <string_view>

#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill {

// "2026-01-19", "2026-01-19T13:48", "2026-01-19T13:48:08.426Z", "...-07:00". Without a zone: UTC.
Result<WallMs> parse_date(std::string_view text);

inline constexpr std::size_t kLongestDate = 32;

// "2026-01-19T13:48:08.426" and the zone: "Z", or "+00:00" if with_offset. Years 0 to 9999. Returns the end.
char* write_date(char* out, WallMs time, bool with_offset);

}  // namespace slicemill
