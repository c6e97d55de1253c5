#include "core/tasks/task_request.h"

#include <fmt/format.h>

#include <exception>
#include <nlohmann/json.hpp>

#include "core/runtime/json.h"

namespace slicemill {

std::string to_text(const TaskRequest& request) {
  return to_compact_text(
      Json{{"task", to_text(request.path)}, {"name", request.label}, {"count", 1}, {"variables", request.variables}});
}

Result<TaskRequest> parse_task_request(std::string_view text) {
  ASSIGN_OR_RETURN(const Json given, parse_json(text));
  TaskRequest request;
  try {
    ASSIGN_OR_RETURN(request.path, parse_task_path(given.at("task").get<std::string>()));
    request.label = given.at("name").get<std::string>();
    request.variables = given.at("variables").get<std::map<std::string, std::string>>();
  } catch (const std::exception& error) {
    return Error(ErrorCode::corrupt, fmt::format("no request of a task: {}", error.what()), false);
  }
  return request;
}

}  // namespace slicemill
