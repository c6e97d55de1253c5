// How far a job of tasks is: which tasks may begin, and what follows when one is done. Pure; one thread.
//
// A task that was given by begin_tasks() is given once, for ever: from then on the graph waits to be told that it is
// completed. Everything that it knows is in position(), so it can be made anew after each call.
//
//   position := {"variables":{NAME: text}, "root": progress}       variables: values of completed tasks
//   progress := {"begun":N, "done":[[first,last]*], "failed":[n*], "open":{n: progress}, "items":[text*],
//                "values":{n: text}}                               of children, or items, by number
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/interval_set.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"
#include "core/tasks/task_tree.h"

namespace slicemill {

// A task that may begin.
struct BegunTask {
  TaskPath path;
  std::map<std::string, std::string> variables;  // that it sees: values of completed tasks, and its items
};

class TaskGraph {
 public:
  explicit TaskGraph(TaskNode root);
  ~TaskGraph();
  TaskGraph(TaskGraph&&) noexcept;
  TaskGraph& operator=(TaskGraph&&) noexcept;

  // Goes on where another one stood; "": at the beginning. corrupt: it does not belong to these tasks.
  Result<void> restore(const std::string& position);
  std::string position() const;

  // At most so many. invalid: a list that a task needs is in no variable.
  Result<std::vector<BegunTask>> begin_tasks(std::size_t most);
  // A task that was begun has completed with a value. internal: it was not, or was told of before. invalid: variables
  // would take more than kMostValueBytes together.
  Result<void> complete(const TaskPath& path, std::string_view value);
  // It failed, and may still be completed later. Others go on in its place; what stands behind it waits.
  Result<void> fail(const TaskPath& path);

  // Every task has completed.
  bool finished() const { return finished_; }
  const TaskNode& root() const { return root_; }

 private:
  struct Progress;
  struct Place {
    const TaskNode* node = nullptr;
    Progress* progress = nullptr;
  };

  Place group_at(const TaskPath& path) const;
  static bool may_begin(const Place& group);
  Result<void> begin_group(const TaskPath& path, const TaskNode& node);
  Result<std::vector<std::string>> items_of(const TaskNode& node) const;
  Result<void> settle(TaskPath path);
  Result<void> end_group(const TaskPath& path, const Place& group);
  Result<void> set_variable(const std::string& name, std::string value, const TaskNode& node);
  std::map<std::string, std::string> variables_of(const TaskPath& path) const;
  Result<void> restore_group(const Json& stored, const TaskPath& path, const TaskNode& node, Progress& progress);

  TaskNode root_;
  std::unique_ptr<Progress> progress_;  // of the root
  std::set<TaskPath> ready_;            // groups that may have a task to begin
  std::map<std::string, std::string> variables_;
  bool finished_ = false;
};

}  // namespace slicemill
