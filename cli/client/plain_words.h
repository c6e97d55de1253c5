// Errors as the command line tells them: without the frames and words that clients of the dialect match on. Pure,
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::cli {

// "..., caused by Error: X" is X; "Validation failed for operation config: op - X" is X; a list of issues in JSON
// becomes "field: what is wrong; ...".
std::string plain_cause(std::string_view message);
// Whether a slice failed of what is in its file, or since that is another file by now. A recovery reads files as they
// were, so it does not help here.
bool is_about_input(std::string_view cause);
// The same error with such a message.
Error in_plain_words(Error error);

}  // namespace slicemill::cli
