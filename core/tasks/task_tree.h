// What a job of tasks says: commands, and which of them run one after the other, beside each other, or once for each
// item of a list. Plain values, any thread.
//
//   tasks := [task*]                      one after the other
//   task  := {"name"?, <one of these>}
//            "run": text                  for a shell
//            "argv": [text+]              a program and its arguments
//            "tasks": tasks               one after the other
//            "parallel": tasks            beside each other
//            "each": [item*] | NAME       with one of the four above: once for each item of the list, or of the
//                                         variable NAME (a JSON array, or a line for each item)
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/operation_schema.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// What a task runs, and how.
struct TaskCommand {
  std::string run;                // for the shell; "": argv
  std::vector<std::string> argv;  // a program and its arguments
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> files;  // by name: texts
  std::string directory;                     // where it runs; "": where the worker runs
  std::int64_t timeout_ms = 0;               // 0: none
  std::string output;                        // the variable that gets its value; "": it has none
  std::uint32_t retries = 0;                 // further tries after one that failed
  std::int64_t retry_delay_ms = 0;           // before the first of them; 0: as the controller's settings say
  bool operator==(const TaskCommand&) const = default;
};

enum class TaskKind : std::uint8_t { command, sequence, parallel, each };

struct TaskNode {
  TaskKind kind = TaskKind::sequence;
  std::string name;                // "" for none
  std::string place;               // "tasks[2].parallel[0]"
  std::vector<TaskNode> children;  // of an each: one
  TaskCommand command;
  // Of an each.
  std::optional<std::vector<std::string>> items;  // nothing: of the variable
  std::string items_of;                           // its name
  std::uint64_t concurrency = 0;                  // how many run at the same time; 0: as many as there are workers
  std::string item_name, index_name;              // of the variables that its tasks see
};

// The way from the list of tasks to one of them: numbers of children, and of items, each from 0.
using TaskPath = std::vector<std::uint64_t>;
std::string to_text(const TaskPath& path);  // "2.0.17"
Result<TaskPath> parse_task_path(std::string_view text);

inline constexpr std::size_t kMostTaskDepth = 16;
inline constexpr std::size_t kMostValueBytes = 64 << 10;  // of one task, and of all variables together

// All problems at once. The root is a sequence.
struct ParsedTasks {
  TaskNode root;
  std::vector<ValidationIssue> issues;  // places below `tasks`: {"2", "parallel", "0", "run"}
};
ParsedTasks parse_tasks(const Json& tasks);
// Of tasks that were found valid before; corrupt otherwise.
Result<TaskNode> valid_tasks(const Json& tasks);

// nullptr: there is no such task.
const TaskNode* find_task(const TaskNode& root, const TaskPath& path);
// What people call it: its name, or the place where it stands, with the number of the item: "convert[17]".
std::string task_label(const TaskNode& root, const TaskPath& path);
// A line for each task, for people.
std::string draw_tasks(const TaskNode& root);
// How many tasks there are in all; nothing: lists of variables are not known yet.
std::optional<std::uint64_t> count_tasks(const TaskNode& node);
// Whether what was done of one means the same in the other: the same kinds in the same order, with as many items. "" or
// the first difference.
std::string shape_difference(const TaskNode& before, const TaskNode& now);

}  // namespace slicemill
