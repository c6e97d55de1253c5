// The one JSON value type of configuration and API bodies (never of records). Members keep the order in which they were
// given.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

using Json = nlohmann::ordered_json;

// Parses strict JSON; the error names line and column. Depth is limited to 200 levels.
Result<Json> parse_json(std::string_view text);

// Parses YAML into the same value type (YAML 1.2 core types: null, bool, int, float, text). The error names line and
// column.
Result<Json> parse_yaml(std::string_view text);

// JSON if the first non-blank byte is '{' or '[', YAML otherwise.
Result<Json> parse_json_or_yaml(std::string_view text);

// Whether this is an object with a member of that name whose value is `true`; anything else is not.
bool is_true(const Json& object, const char* member);

// One line; invalid UTF-8 is replaced, never thrown on.
std::string to_compact_text(const Json& value);
// indent spaces per level.
std::string to_pretty_text(const Json& value, int indent);

}  // namespace slicemill
