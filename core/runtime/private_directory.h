// A directory for this user alone, in a place that everybody may write to.
#pragma once

#include <string>

#include "core/runtime/result.h"

namespace slicemill {

// Makes it (its parent must be there), or sees that it is a directory, ours, and of mode 0700: whoever could replace it
// could pose as one of us. invalid: it is there and something else; the message says what to do.
Result<void> make_private_directory(const std::string& path);

}  // namespace slicemill
