// Text as a terminal shows it: how wide, and what of it fits. Pure functions, any thread.
//
// Widths are in columns: wide East Asian characters and pictures take two, combining marks none. What a terminal makes
// of several joined characters differs between terminals; each counts by itself here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slicemill::api::teraslice {

// Of printable text (core/runtime/printable.h).
std::size_t display_width(std::string_view text);

// The text made printable. Text wider than `columns`, or of more than eight bytes for each of them, is cut at the end
// of a whole character with its marks and ends with `ending`, whose width counts.
std::string fitted(std::string_view text, std::size_t columns, std::string_view ending);

}  // namespace slicemill::api::teraslice
