#include "api/http/message.h"

#include <stdexcept>

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
