// Members of JSON objects that may be absent or of another type: both are "nothing". Pure, any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/runtime/json.h"

namespace slicemill::json_members {

// Absent and null are the same here; a value of another type too.
inline const Json* member_of(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

inline const Json& object_in(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = member_of(object, name);
  return found != nullptr && found->is_object() ? *found : kNone;
}

inline std::optional<double> real(const Json& object, std::string_view name) {
  const Json* found = member_of(object, name);
  return found != nullptr && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

inline std::optional<std::uint64_t> whole(const Json& object, std::string_view name) {
  const Json* found = member_of(object, name);
  if (found == nullptr || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

inline std::uint64_t count(const Json& object, std::string_view name) {
  return whole(object, name).value_or(0);
}

inline std::optional<std::string> text(const Json& object, std::string_view name) {
  const Json* found = member_of(object, name);
  return found != nullptr && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
}

}  // namespace slicemill::json_members
