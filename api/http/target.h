// Taking a request target apart: path, query, percent-encoding. Pure functions, any thread.
//
// target := path ["?" query] | scheme "://" authority path ["?" query]        ("#" and what follows it is ignored)
// path   := "/" segment *("/" segment)        query := pair *("&" pair)       pair := name ["=" value]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.h"
#include "core/runtime/result.h"

namespace slicemill::api {

struct Target {
  std::string_view path;   // still encoded; "/" if the target has none
  std::string_view query;  // still encoded, without "?"
};
Target split_target(std::string_view target);
// Of the absolute form, without the name of a user; "" for the other forms.
std::string_view target_authority(std::string_view target);

// Strict, for paths: the error names the place of a broken escape, or says that the decoded bytes are not UTF-8.
Result<std::string> percent_decode(std::string_view text);

// The decoded segments of a path. One trailing slash is ignored; a slash that is percent-encoded stays inside its
// segment.
Result<std::vector<std::string>> path_segments(std::string_view path);

// As forms are decoded: "+" is a blank, a broken escape stands for itself. A pair without "=" has the value "".
std::vector<Parameter> parse_query(std::string_view query);

}  // namespace slicemill::api
