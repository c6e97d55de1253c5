// Wall-clock and steady time as plain types, and their text forms.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace slicemill {

using Duration = std::chrono::nanoseconds;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;

using WallMs = std::int64_t;  // milliseconds since 1970-01-01T00:00:00Z

// "2026-11-24T16:36:27.123Z": the form of every time in the API.
std::string to_iso(WallMs time);

}  // namespace slicemill
