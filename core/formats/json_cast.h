// Conversions between JSON scalars, on their written form.
#pragma once

#include <optional>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

enum class JsonCast { string, number, integer, boolean };

std::optional<JsonCast> parse_json_cast(std::string_view word);

// A conversion writes at most this many bytes more than it reads.
inline constexpr std::size_t kCastGrowth = 40;

// Writes the JSON scalar, converted, to `out` and gives the end of what was written. null stays null. invalid if there
// is no conversion without loss of meaning ("abc" to number). Numbers keep their decimal text; integers drop the
// fraction, and invalid are those whose exponent makes them longer than kCastGrowth allows.
Result<char*> write_cast(std::string_view json, JsonCast cast, char* out);

}  // namespace slicemill
