#include "operations/record_tokens.h"

#include <fmt/format.h>

#include "core/formats/json_scan.h"

namespace slicemill {

Error not_an_object(std::string_view record) {
  const JsonScan scan = check_json_text(record);
  std::string problem = "it is a value of another type";
  if (!is_utf8(record)) {
    problem = "not UTF-8";
  } else if (scan.state != JsonScan::State::complete) {
    problem = fmt::format("byte {}: {}", scan.at - record.data(), scan.problem);
  }
  return {ErrorCode::invalid, fmt::format("record is not a good JSON object: {}, in {}", problem, record_head(record)),
          false};
}

std::optional<JsonValue> find_field(const JsonValue& object, std::string_view record, const FieldPath& path) {
  std::optional<JsonValue> at = object;
  for (const std::string& segment : path.segments) {
    if (!at->is_object()) return std::nullopt;
    std::optional<JsonValue> found;
    at->visit_members([&](const char* key, const JsonValue& value) {
      if (!json_record::key_is(key, record, segment)) return true;
      found = value;
      return false;
    });
    if (!found) return std::nullopt;
    at = found;
  }
  return at;
}

}  // namespace slicemill
