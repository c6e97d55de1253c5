// Patterns of paths: * ? [...] within one component, a backslash before a character that stands for itself, and **
// as a whole component for any number of directories. A dot at the beginning of a name must be matched by a dot.
// Characters are those of UTF-8; bytes that are none count as one each. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill {

inline constexpr std::string_view kAnyDepth = "**";

// The components of a path or pattern, without empty ones.
std::vector<std::string> path_components(std::string_view path);

bool has_glob(std::string_view text);

// invalid, saying what to write instead: ** beside other characters, or braces with a list or a range in them, which
// other programs expand.
Result<void> check_glob(std::string_view pattern);

// One component; not **.
bool component_matches(const std::string& pattern, const std::string& name);

// All of the pattern against all of the path.
bool glob_matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path);

}  // namespace slicemill
