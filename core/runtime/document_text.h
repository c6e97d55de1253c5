// The text of a job file, a configuration file or a request body before it is parsed: its encoding, and places in it.
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

// "line 3, column 7" of a byte offset in UTF-8; columns count characters.
std::string place_of(std::string_view text, std::size_t offset);

// The text as UTF-8 without a byte order mark. Text in UTF-16 or UTF-32 is recoded into `storage` if a byte order mark
// says so. invalid, with the place: a NUL byte, or units that are no characters. Other bytes are not judged.
Result<std::string_view> document_text(std::string_view bytes, std::string& storage);

}  // namespace slicemill
