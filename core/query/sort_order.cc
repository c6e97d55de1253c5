#include "core/query/sort_order.h"

#include <fmt/core.h>

#include "core/runtime/text.h"

namespace slicemill::query {

Result<std::vector<SortKey>> parse_sort(std::string_view text, std::span<const Field> fields) {
  std::vector<SortKey> keys;
  for (const std::string& part : split(text, ',')) {
    const auto colon = part.find(':');
    const std::string_view name = std::string_view(part).substr(0, colon);
    const std::string_view direction = colon == std::string::npos ? "asc" : std::string_view(part).substr(colon + 1);
    if (direction != "asc" && direction != "desc")
      return Error(ErrorCode::invalid, fmt::format("sort order must be asc or desc, got \"{}\"", direction));
    const Field* field = find_field(fields, name);
    if (field == nullptr)
      return Error(ErrorCode::invalid, fmt::format("cannot sort by \"{}\", it is not an indexed field", name));
    bool seen = false;
    for (const SortKey& key : keys) seen = seen || key.field == field;
    if (!seen) keys.push_back({field, direction == "desc"});
  }
  return keys;
}

bool is_default_sort(std::span<const SortKey> keys) {
  return keys.empty() || (keys.size() == 1 && keys[0].field->role == FieldRole::updated && keys[0].descending);
}

std::vector<Value> sort_values(std::span<const SortKey> keys, const Json& document) {
  std::vector<Value> values;
  for (const SortKey& key : keys) values.push_back(sort_value_of(*key.field, document));
  return values;
}

bool sorts_before(std::span<const SortKey> keys, const std::vector<Value>& a, const std::vector<Value>& b) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (a[i] == b[i]) continue;
    const bool a_has = !std::holds_alternative<std::monostate>(a[i]);
    const bool b_has = !std::holds_alternative<std::monostate>(b[i]);
    if (a_has != b_has) return a_has;
    return keys[i].descending ? b[i] < a[i] : a[i] < b[i];
  }
  return false;
}

}  // namespace slicemill::query
