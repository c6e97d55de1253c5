#include "api/http/message.h"

#include <algorithm>
#include <stdexcept>

#include "core/runtime/ascii.h"

namespace slicemill::api {

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      break;
  }
  return "";
}

void HeaderLines::add(std::string_view name, std::string_view value) {
  const auto begin = static_cast<std::uint32_t>(text_.size());
  text_.append(name).append(value);
  lines_.push_back({begin, static_cast<std::uint32_t>(begin + name.size()), static_cast<std::uint32_t>(text_.size())});
}

std::string_view HeaderLines::name_of(const Line& line) const {
  return std::string_view(text_).substr(line.name_begin, line.value_begin - line.name_begin);
}

std::size_t HeaderLines::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [&](const Line& line) { return is_same_word(name_of(line), name); }));
}

std::optional<std::string> HeaderLines::value(std::string_view name) const {
  std::optional<std::string> found;
  for (const Line& line : lines_) {
    if (!is_same_word(name_of(line), name)) continue;
    const auto value = std::string_view(text_).substr(line.value_begin, line.end - line.value_begin);
    if (found)
      found->append(", ").append(value);
    else
      found = value;
  }
  return found;
}

const std::string& Request::path_parameter(std::string_view name) const {
  for (const Parameter& parameter : path_parameters)
    if (parameter.name == name) return parameter.value;
  throw std::logic_error("the route has no path parameter " + std::string(name));
}

std::optional<std::string> Request::query_value(std::string_view name) const {
  std::optional<std::string> found;
  for (const Parameter& parameter : query) {
    if (parameter.name != name) continue;
    if (found)
      found->append(",").append(parameter.value);
    else
      found = parameter.value;
  }
  return found;
}

}  // namespace slicemill::api
