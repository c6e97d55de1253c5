// Bytes as text of RFC 4648, with padding: for bytes that must travel inside JSON. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

std::string to_base64(std::string_view bytes);
// invalid: a foreign character, or a length or padding that no encoder writes.
Result<std::string> from_base64(std::string_view text);

}  // namespace slicemill
