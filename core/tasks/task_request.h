// What a slice that is a task says of it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/runtime/result.h"
#include "core/tasks/task_tree.h"

namespace slicemill {

struct TaskRequest {
  TaskPath path;
  std::string label;                             // for people
  std::map<std::string, std::string> variables;  // that it sees
};

// A JSON object of one line; the grammar is in slicer/tasks_slicer.h.
std::string to_text(const TaskRequest& request);
Result<TaskRequest> parse_task_request(std::string_view text);  // corrupt

}  // namespace slicemill
