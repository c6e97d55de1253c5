#include "tests/simulation/task_checks.h"

#include <fmt/core.h>

#include <memory>
#include <utility>

#include "core/tasks/task_request.h"
#include "operations/tasks/tasks_reader.h"

namespace slicemill::simulation {
namespace {

constexpr const char* kList = "LIST";  // a variable that holds a list of so many items
constexpr std::uint64_t kListItems = 3;

void collect_leaves(const TaskNode& node, TaskPath& path, std::set<TaskPath>& leaves) {
  if (node.kind == TaskKind::command) {
    leaves.insert(path);
    return;
  }
  const std::uint64_t count = node.kind != TaskKind::each ? node.children.size()
                              : node.items                ? node.items->size()
                                                          : kListItems;
  for (std::uint64_t i = 0; i < count; ++i) {
    path.push_back(i);
    collect_leaves(node.children[node.kind == TaskKind::each ? 0 : static_cast<std::size_t>(i)], path, leaves);
    path.pop_back();
  }
}

Json draw_task(World& world, int depth) {
  const std::uint64_t kind = depth >= 3 ? 0 : world.below(4);
  Json task = {{"run", "true"}};
  if (kind == 0 || kind == 3) {
    if (world.chance(0.2)) task["output"] = world.chance(0.5) ? kList : "VALUE";
    if (world.chance(0.5)) task["retries"] = world.below(3);
  }
  if (kind == 1 || kind == 2) {
    task = Json::object();
    Json& children = task[kind == 1 ? "tasks" : "parallel"] = Json::array();
    for (std::uint64_t count = 1 + world.below(5); count > 0; --count) children.push_back(draw_task(world, depth + 1));
  }
  if (kind == 3 || (kind == 1 && world.chance(0.3))) {
    if (world.chance(0.2)) {
      task["each"] = kList;
    } else {
      Json& items = task["each"] = Json::array();
      for (std::uint64_t count = world.below(9); count > 0; --count) items.push_back(count);
    }
    task.erase("output");
    if (world.chance(0.6)) task["concurrency"] = 1 + world.below(3);
  }
  return task;
}

class SimulatedTask final : public Sender {
 public:
  Result<void> initialize(const OperationContext& context) override {
    ASSIGN_OR_RETURN(root_, valid_tasks(context.job.plan.operation(0).options.at("tasks")));
    return {};
  }
  Result<void> begin(const SliceContext& slice) override {
    ASSIGN_OR_RETURN(const TaskRequest request, parse_task_request(slice.request));
    output_ = find_task(root_, request.path)->command.output;
    return {};
  }
  Result<void> write(RecordBatch&) override { return {}; }
  Result<StagedOutput> stage() override {
    StagedOutput staged;
    if (!output_.empty()) staged.value = output_ == kList ? R"(["x","y","z"])" : "value";
    return staged;
  }
  void abandon() override {}

 private:
  TaskNode root_;
  std::string output_;
};

}  // namespace

TaskChecks::TaskChecks(World& world, const TaskNode& root) : world_(world), root_(root) {
  TaskPath path;
  collect_leaves(root_, path, leaves_);
}

void TaskChecks::created(const SliceKey& key, const std::string& request) {
  const auto task = parse_task_request(request);
  if (!task) {
    world_.violation(task.error().message);
    return;
  }
  born_[key] = task->path;
  if (!born_paths_.insert(task->path).second)
    world_.violation(fmt::format("I1: task {} was born twice", to_text(task->path)));
}

void TaskChecks::completed(const SliceKey& key) {
  if (const auto born = born_.find(key); born != born_.end()) completed_.insert(born->second);
}

void TaskChecks::opened(const std::map<SliceKey, std::string>& open) {
  for (const auto& [key, request] : open)
    if (!born_.contains(key)) created(key, request);
  for (const auto& [key, path] : born_)
    if (!open.contains(key)) completed_.insert(path);
}

bool TaskChecks::all_completed(const TaskPath& prefix) const {
  for (auto leaf = leaves_.lower_bound(prefix); leaf != leaves_.end(); ++leaf) {
    if (!std::equal(prefix.begin(), prefix.end(), leaf->begin(),
                    leaf->begin() + static_cast<std::ptrdiff_t>(std::min(prefix.size(), leaf->size()))))
      return true;
    if (!completed_.contains(*leaf)) return false;
  }
  return true;
}

void TaskChecks::dispatched(const SliceKey& key) {
  const auto born = born_.find(key);
  if (born == born_.end()) return;  // told elsewhere
  const TaskPath& path = born->second;
  if (completed_.contains(path))
    world_.violation(fmt::format("I1: task {} was dispatched after its completion was durable", to_text(path)));
  const TaskNode* node = &root_;
  TaskPath prefix;
  for (const std::uint64_t number : path) {
    if (node->kind == TaskKind::sequence && number > 0) {
      prefix.push_back(number - 1);
      if (!all_completed(prefix))
        world_.violation(fmt::format("task {} was dispatched before all of {} was durably completed", to_text(path),
                                     to_text(prefix)));
      prefix.pop_back();
    }
    prefix.push_back(number);
    node = &node->children[node->kind == TaskKind::each ? 0 : static_cast<std::size_t>(number)];
  }
}

void TaskChecks::check_end(std::uint64_t turns, std::uint64_t recoveries) {
  for (const TaskPath& leaf : leaves_)
    if (!completed_.contains(leaf)) {
      world_.violation(fmt::format("I1: task {} never completed", to_text(leaf)));
      return;
    }
  // One for each completion and each birth at most, and for each failure that a recovery mended.
  const std::uint64_t most = 2 * leaves_.size() + (recoveries + 1) * (leaves_.size() + 5) + 10 * controllers_;
  if (turns > most)
    world_.violation(fmt::format("slicers took {} turns for {} tasks and {} recoveries: {} would do", turns,
                                 leaves_.size(), recoveries, most));
}

Json draw_tasks(World& world) {
  Json tasks = Json::array();
  // Lists of variables need one that gives them.
  tasks.push_back({{"run", "true"}, {"output", kList}});
  for (std::uint64_t count = 1 + world.below(5); count > 0; --count) tasks.push_back(draw_task(world, 0));
  return tasks;
}

const OperationRegistry& simulated_tasks() {
  static const OperationRegistry registry = [] {
    OperationRegistry operations;
    operations.add(tasks_operation());
    OperationSchema schema;
    schema.name = "task";
    schema.kind = OperationKind::sender;
    schema.commit = CommitClass::at_least_once;
    operations.add({std::move(schema), [] { return std::make_unique<SimulatedTask>(); }});
    return operations;
  }();
  return registry;
}

}  // namespace slicemill::simulation
