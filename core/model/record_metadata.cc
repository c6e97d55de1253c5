#include "core/model/record_metadata.h"

#include <nlohmann/json.hpp>

#include "core/runtime/json.h"

namespace slicemill {

std::string to_text(const RecordMetadata& metadata) {
  if (metadata.empty()) return "";
  Json json = Json::object();
  if (!metadata.key.empty()) json["key"] = std::string(metadata.key);
  if (!metadata.route.empty()) json["route"] = std::string(metadata.route);
  return to_compact_text(json);
}

Result<StoredMetadata> parse_metadata(std::string_view text) {
  StoredMetadata stored;
  if (text.empty()) return stored;
  const auto json = parse_json(text);
  if (!json) return with_context(json.error(), "metadata of a record");
  const auto member = [&](const char* name, std::string& value) {
    const auto found = json->find(name);
    if (found == json->end()) return true;
    if (!found->is_string()) return false;
    value = found->get<std::string>();
    return true;
  };
  if (!json->is_object() || !member("key", stored.key) || !member("route", stored.route))
    return Error(ErrorCode::invalid, "metadata of a record: must be an object of texts", false);
  return stored;
}

}  // namespace slicemill
