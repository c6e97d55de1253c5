// Paths as members of JSON objects. A path is bytes; JSON is UTF-8: where the two differ a second member holds the
// bytes, and the first one is for people.
//
//   member := "K":TEXT [,"K_base64":BYTES]
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

std::string path_member(std::string_view key, std::string_view path);
// The path of an object that holds such a member. corrupt: it holds none.
Result<std::string> path_of(const Json& object, const std::string& key);

}  // namespace slicemill
