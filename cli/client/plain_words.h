// Errors as the command line tells them: without the frames and words that clients of the first dialect match on. Pure,
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::cli {

// "..., caused by Error: X" is X; "Validation failed for operation config: op - X" is X; a list of issues in JSON
// becomes "field: what is wrong; ...".
std::string plain_cause(std::string_view message);
// The same error with such a message.
Error in_plain_words(Error error);

}  // namespace slicemill::cli
