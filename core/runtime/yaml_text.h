// YAML for readers that know the type of each value, so that the text of a value counts: `1.10` stays "1.10" where a
// text is wanted. Everything else is as in json.h. Pure, any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// Scalars are texts as they were written, but for plain nulls. Only the first document is read.
Result<Json> parse_yaml_as_written(std::string_view text, std::size_t memory = kDocumentMemory);

// The line, from 1, of the key or the item at a path such as "tasks[0].env.HOME". 0: there is none, or the text before
// it cannot be read.
std::size_t yaml_line_of(std::string_view text, std::string_view path);

}  // namespace slicemill
