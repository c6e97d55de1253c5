#include "core/formats/path_member.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/formats/json_scan.h"
#include "core/runtime/base64.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"

namespace slicemill {

std::string path_member(std::string_view key, std::string_view path) {
  if (is_utf8(path)) return fmt::format("\"{}\":{}", key, json_quoted(path));
  return fmt::format("\"{}\":{},\"{}_base64\":\"{}\"", key, json_quoted(printable(path)), key, to_base64(path));
}

Result<std::string> path_of(const Json& object, const std::string& key) {
  const auto text = object.find(key);
  const auto bytes = object.find(key + "_base64");
  if (bytes != object.end() && bytes->is_string()) return from_base64(bytes->get_ref<const std::string&>());
  if (text != object.end() && text->is_string()) return text->get<std::string>();
  return Error(ErrorCode::corrupt, fmt::format("no path named {}", key), false);
}

}  // namespace slicemill
