// What JavaScript takes for "not given": clients of the dialect count on it. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "core/runtime/json.h"

namespace slicemill::api::teraslice {

inline bool is_falsy(const Json& value) {
  return value.is_null() || value == false || value == "" || (value.is_number() && value.get<double>() == 0);
}

// Of a member of an object; one that is not there is.
inline bool is_falsy(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found == object.end() || is_falsy(*found);
}

}  // namespace slicemill::api::teraslice
