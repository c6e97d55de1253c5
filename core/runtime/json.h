// The one JSON value type of configuration and API bodies (never of records). Members keep the order in which they were
// given.
//
// JSON and YAML are read by the same rules: a key is given once in an object, nothing follows the document, no NUL byte
// stands in it, at most 200 levels, and a number that does not fit is an error, never another number. Text in UTF-16 or
// UTF-32 is read too if it has a byte order mark. Every error is `invalid` and names line and column. Any thread.
#pragma once

#include <cstddef>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill {

using Json = nlohmann::ordered_json;

// Bytes that a document of a client may take in memory once it is read.
inline constexpr std::size_t kDocumentMemory = 64 << 20;
inline constexpr std::size_t kUnlimitedMemory = std::numeric_limits<std::size_t>::max();

// What a reader might take for something else, one line each: scalars that YAML 1.1 and 1.2 read differently.
using YamlNotes = std::vector<std::string>;

// memory: bytes that the value may take; texts of our own need no limit.
Result<Json> parse_json(std::string_view text, std::size_t memory = kUnlimitedMemory);

// YAML 1.2 core types: null, bool, int, float, text. A number with a zero before it stays text. Aliases and merge keys
// (`<<`) are expanded. An empty text is null. A second document is an error.
Result<Json> parse_yaml(std::string_view text, YamlNotes* notes = nullptr, std::size_t memory = kDocumentMemory);

// JSON if the first non-blank byte is '{' or '[', YAML otherwise.
Result<Json> parse_json_or_yaml(std::string_view text, YamlNotes* notes = nullptr);

// Whether this is an object with a member of that name whose value is `true`; anything else is not.
bool is_true(const Json& object, const char* member);

// Bytes of a document that is read, judged and written beside the loop, as that takes long.
inline constexpr std::size_t kLargeDocument = 128 << 10;
// Whether a value takes more than that, about. Looks at no more of it.
bool is_large_document(const Json& value);

// One line; invalid UTF-8 is replaced, never thrown on.
std::string to_compact_text(const Json& value);
// indent spaces per level.
std::string to_pretty_text(const Json& value, int indent);

// Whether bytes can stand in JSON as a text: they are UTF-8.
bool can_be_json_text(const std::string& bytes);

}  // namespace slicemill
