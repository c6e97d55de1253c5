// Text of users on its way to a terminal, a table or a log. Pure functions, any thread.
//
// What acts instead of being seen is written out: \n, \t, \r; \x1b and the other control characters; \u202e and the
// other characters that reverse, join or break lines or cannot be seen; \xff for bytes that are no UTF-8. A backslash
// stays as it is, so what is printable already is left alone.
#pragma once

#include <string>
#include <string_view>

namespace slicemill {

std::string printable(std::string_view text);
// Whether printable() would change nothing.
bool is_printable(std::string_view text);

// The same JSON value with those characters as escapes of JSON. `json` is JSON text in one line.
std::string printable_json(std::string_view json);

}  // namespace slicemill
