// What must hold of a job of tasks, looked at from outside: from what its ledgers have synced, and from orders as they
// are sent.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "core/model/slice.h"
#include "core/tasks/task_tree.h"
#include "operations/operation.h"
#include "tests/simulation/world.h"

namespace slicemill::simulation {

class TaskChecks {
 public:
  TaskChecks(World& world, const TaskNode& root);

  // Durable.
  void created(const SliceKey& key, const std::string& request);
  void completed(const SliceKey& key);
  void dispatched(const SliceKey& key);
  // A ledger was opened: open slices with their requests. Its last batches may have become durable without anybody
  // being told, since a kill came between.
  void opened(const std::map<SliceKey, std::string>& open);
  void on_controller_start() { ++controllers_; }
  // turns: of slicers, of all controllers. recoveries: in each of them some tasks may have failed once more.
  void check_end(std::uint64_t turns, std::uint64_t recoveries);

  std::uint64_t tasks() const { return leaves_.size(); }

 private:
  // All of these begin with `prefix`.
  bool all_completed(const TaskPath& prefix) const;

  World& world_;
  const TaskNode root_;
  std::set<TaskPath> leaves_;
  std::map<SliceKey, TaskPath> born_;
  std::set<TaskPath> born_paths_;
  std::set<TaskPath> completed_;
  std::uint64_t controllers_ = 0;
};

// A tree of tasks, by chance; as the option `tasks`.
Json draw_tasks(World& world);
// Workers of the simulator run tasks that start no process: each has a value at once.
const OperationRegistry& simulated_tasks();

}  // namespace slicemill::simulation
