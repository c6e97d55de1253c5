#include "core/model/job_params.h"

#include <fmt/format.h>

#include <algorithm>

namespace slicemill {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_param_value(const Json& value) {
  return value.is_string() || value.is_number() || value.is_boolean();
}

}  // namespace

bool is_param_name(std::string_view name) {
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

Result<void> check_params(const Json& params) {
  if (!params.is_object()) return Error(ErrorCode::invalid, "params: must be an object of names and values", false);
  for (const auto& [name, value] : params.items()) {
    if (!is_param_name(name))
      return Error(ErrorCode::invalid,
                   fmt::format("params: \"{}\" is no name: letters, digits and _, no digit first", name), false);
    if (!is_param_value(value) && !value.is_null())
      return Error(
          ErrorCode::invalid,
          fmt::format("params.{}: must be a text, a number or a boolean, received {}", name, value.type_name()), false);
  }
  return {};
}

}  // namespace slicemill
