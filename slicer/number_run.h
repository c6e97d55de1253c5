// What the slicers of consecutive numbers share: their position, and how much of the range one turn hands out.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/runtime/result.h"
#include "slicer/slicer.h"

namespace slicemill {

std::string number_position(std::int64_t next);
// corrupt if the text is not a position with a number from `least` to `most`.
Result<std::int64_t> parse_number_position(const std::string& position, std::int64_t least, std::int64_t most);

// Where `slices` slices end that begin at `next`; `end` at the latest.
std::int64_t range_end(std::int64_t next, std::int64_t step, std::int64_t end, std::size_t slices);

// The end of the next run that begins at `next`: `wanted` slices, but at least enough for a run to be worth its record;
// `end` at the latest.
std::int64_t run_end(std::int64_t next, std::int64_t step, std::int64_t end, std::size_t wanted);

// For Slicer::position_mismatch: the first of the named options that differs, as a sentence; "" if none does.
std::string option_mismatch(std::initializer_list<const char*> names, const Json& recovered, const Json& now);

}  // namespace slicemill
