#include "core/tasks/task_graph.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "core/runtime/text.h"

namespace slicemill {

// Of a group that has begun and is not done.
struct TaskGraph::Progress {
  std::uint64_t children = 0;  // or items
  std::uint64_t begun = 0;     // those below this number
  IntervalSet done;
  std::uint64_t done_count = 0;
  std::set<std::uint64_t> failed;
  std::map<std::uint64_t, std::unique_ptr<Progress>> open;  // groups within it
  std::vector<std::string> items;                           // of an each
  std::map<std::uint64_t, std::string> values;              // of its items

  bool is_done() const { return done_count == children; }
};

namespace {

bool gathers_values(const TaskNode& node) {
  return node.kind == TaskKind::each && node.children[0].kind == TaskKind::command &&
         !node.children[0].command.output.empty();
}

const TaskNode& child_of(const TaskNode& node, std::uint64_t number) {
  return node.children[node.kind == TaskKind::each ? 0 : static_cast<std::size_t>(number)];
}

Error not_of_these_tasks(const TaskPath& path) {
  return Error(ErrorCode::corrupt,
               fmt::format("the stored progress does not belong to these tasks: at {}", to_text(path)), false);
}

}  // namespace

TaskGraph::TaskGraph(TaskNode root) : root_(std::move(root)) {
  (void)restore("");
}
TaskGraph::~TaskGraph() = default;
TaskGraph::TaskGraph(TaskGraph&&) noexcept = default;
TaskGraph& TaskGraph::operator=(TaskGraph&&) noexcept = default;

Result<void> TaskGraph::restore(const std::string& position) {
  variables_.clear();
  ready_ = {TaskPath()};
  progress_ = std::make_unique<Progress>();
  progress_->children = root_.children.size();
  finished_ = progress_->is_done();
  if (position.empty()) return {};
  ASSIGN_OR_RETURN(const Json stored, parse_json(position));
  try {
    variables_ = stored.at("variables").get<std::map<std::string, std::string>>();
    RETURN_IF_ERROR(restore_group(stored.at("root"), {}, root_, *progress_));
  } catch (const std::exception& error) {
    return Error(ErrorCode::corrupt, fmt::format("the stored progress cannot be read: {}", error.what()), false);
  }
  finished_ = progress_->is_done();
  return {};
}

Result<void> TaskGraph::restore_group(const Json& stored, const TaskPath& path, const TaskNode& node,
                                      Progress& progress) {
  if (node.kind == TaskKind::command) return not_of_these_tasks(path);
  if (node.kind == TaskKind::each) {
    progress.items = node.items ? *node.items : stored.at("items").get<std::vector<std::string>>();
    progress.children = progress.items.size();
  } else {
    progress.children = node.children.size();
  }
  progress.begun = stored.at("begun").get<std::uint64_t>();
  for (const Json& interval : stored.at("done")) {
    const auto first = interval.at(0).get<std::uint64_t>();
    const auto last = interval.at(1).get<std::uint64_t>();
    if (first > last || last >= progress.begun) return not_of_these_tasks(path);
    progress.done_count += progress.done.add(first, last);
  }
  if (stored.contains("failed")) progress.failed = stored.at("failed").get<std::set<std::uint64_t>>();
  if (stored.contains("values"))
    for (const auto& [number, value] : stored.at("values").items())
      progress.values[std::stoull(number)] = value.get<std::string>();
  if (progress.begun > progress.children) return not_of_these_tasks(path);
  ready_.insert(path);
  if (!stored.contains("open")) return {};
  for (const auto& [name, within] : stored.at("open").items()) {
    const std::uint64_t number = std::stoull(name);
    if (number >= progress.begun) return not_of_these_tasks(path);
    auto& open = progress.open[number] = std::make_unique<Progress>();
    TaskPath below = path;
    below.push_back(number);
    RETURN_IF_ERROR(restore_group(within, below, child_of(node, number), *open));
  }
  return {};
}

std::string TaskGraph::position() const {
  const auto write = [](const auto& self, const Progress& progress, const TaskNode& node) -> Json {
    Json stored = {{"begun", progress.begun}, {"done", Json::array()}};
    for (const auto& interval : progress.done.intervals())
      stored["done"].push_back(Json::array({interval.first, interval.last}));
    if (!progress.failed.empty()) stored["failed"] = progress.failed;
    if (node.kind == TaskKind::each && !node.items) stored["items"] = progress.items;
    for (const auto& [number, value] : progress.values) stored["values"][std::to_string(number)] = value;
    for (const auto& [number, open] : progress.open)
      stored["open"][std::to_string(number)] = self(self, *open, child_of(node, number));
    return stored;
  };
  return to_compact_text(Json{{"variables", variables_}, {"root", write(write, *progress_, root_)}});
}

TaskGraph::Place TaskGraph::group_at(const TaskPath& path) const {
  Place group{&root_, progress_.get()};
  for (const std::uint64_t number : path) {
    const auto open = group.progress->open.find(number);
    if (open == group.progress->open.end()) return {};
    group = {&child_of(*group.node, number), open->second.get()};
  }
  return group;
}

bool TaskGraph::may_begin(const Place& group) {
  const Progress& progress = *group.progress;
  if (progress.begun >= progress.children) return false;
  if (group.node->kind == TaskKind::sequence) return progress.done_count == progress.begun;
  if (group.node->kind == TaskKind::parallel || group.node->concurrency == 0) return true;
  return progress.begun - progress.done_count - progress.failed.size() < group.node->concurrency;
}

Result<std::vector<BegunTask>> TaskGraph::begin_tasks(std::size_t most) {
  std::vector<BegunTask> begun;
  while (!ready_.empty() && begun.size() < most) {
    TaskPath path = *ready_.begin();
    const Place group = group_at(path);
    if (group.node == nullptr || !may_begin(group)) {
      ready_.erase(ready_.begin());
      continue;
    }
    const std::uint64_t number = group.progress->begun++;
    path.push_back(number);
    const TaskNode& child = child_of(*group.node, number);
    if (child.kind == TaskKind::command) {
      auto variables = variables_of(path);
      begun.push_back({std::move(path), std::move(variables)});
    } else {
      RETURN_IF_ERROR(begin_group(path, child));
    }
  }
  return begun;
}

Result<void> TaskGraph::begin_group(const TaskPath& path, const TaskNode& node) {
  auto progress = std::make_unique<Progress>();
  if (node.kind == TaskKind::each) {
    ASSIGN_OR_RETURN(progress->items, items_of(node));
    progress->children = progress->items.size();
  } else {
    progress->children = node.children.size();
  }
  const bool is_empty = progress->is_done();
  const TaskPath above(path.begin(), path.end() - 1);
  group_at(above).progress->open[path.back()] = std::move(progress);
  if (is_empty) return end_group(path, group_at(path));
  ready_.insert(path);
  return {};
}

Result<std::vector<std::string>> TaskGraph::items_of(const TaskNode& node) const {
  if (node.items) return *node.items;
  const auto variable = variables_.find(node.items_of);
  if (variable == variables_.end())
    return Error(ErrorCode::invalid,
                 fmt::format("{}: each: no task before it gave a value to {}", node.place, node.items_of), false);
  std::vector<std::string> items;
  if (const std::string_view text = variable->second; text.starts_with('[')) {
    const auto list = parse_json(text);
    if (!list)
      return Error(ErrorCode::invalid,
                   fmt::format("{}: each: {} is no JSON array: {}", node.place, node.items_of, list.error().message),
                   false);
    for (const Json& item : *list) items.push_back(item.is_string() ? item.get<std::string>() : to_compact_text(item));
    return items;
  }
  for (std::string& line : split(variable->second, '\n')) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) items.push_back(std::move(line));
  }
  return items;
}

std::map<std::string, std::string> TaskGraph::variables_of(const TaskPath& path) const {
  auto variables = variables_;
  Place group{&root_, progress_.get()};
  for (const std::uint64_t number : path) {
    if (group.node->kind == TaskKind::each) {
      variables[group.node->item_name] = group.progress->items[static_cast<std::size_t>(number)];
      variables[group.node->index_name] = std::to_string(number);
    }
    const auto open = group.progress->open.find(number);
    group = {&child_of(*group.node, number), open == group.progress->open.end() ? nullptr : open->second.get()};
    if (group.progress == nullptr) break;
  }
  return variables;
}

Result<void> TaskGraph::complete(const TaskPath& path, std::string_view value) {
  const Place group = path.empty() ? Place() : group_at({path.begin(), path.end() - 1});
  if (group.node == nullptr || path.back() >= group.progress->begun || group.progress->done.contains(path.back()) ||
      child_of(*group.node, path.back()).kind != TaskKind::command)
    return Error(ErrorCode::internal, fmt::format("task {} was completed, and was not under way", to_text(path)),
                 false);
  const TaskNode& task = child_of(*group.node, path.back());
  if (gathers_values(*group.node))
    group.progress->values[path.back()] = std::string(value);
  else if (!task.command.output.empty())
    RETURN_IF_ERROR(set_variable(task.command.output, std::string(value), task));
  return settle(path);
}

// A child is done: what stands behind it may begin, or the group is done too.
Result<void> TaskGraph::settle(TaskPath path) {
  const std::uint64_t number = path.back();
  path.pop_back();
  const Place group = group_at(path);
  group.progress->open.erase(number);
  group.progress->failed.erase(number);
  group.progress->done_count += group.progress->done.add(number) ? 1 : 0;
  if (group.progress->is_done()) return end_group(path, group);
  ready_.insert(std::move(path));
  return {};
}

Result<void> TaskGraph::end_group(const TaskPath& path, const Place& group) {
  if (gathers_values(*group.node)) {
    Json values = Json::array();
    for (const auto& [number, value] : group.progress->values) values.push_back(value);
    const TaskNode& task = group.node->children[0];
    RETURN_IF_ERROR(set_variable(task.command.output, to_compact_text(values), task));
  }
  ready_.erase(path);
  if (!path.empty()) return settle(path);
  finished_ = true;
  return {};
}

Result<void> TaskGraph::set_variable(const std::string& name, std::string value, const TaskNode& node) {
  std::size_t bytes = name.size() + value.size();
  for (const auto& [other, text] : variables_)
    if (other != name) bytes += other.size() + text.size();
  if (bytes > kMostValueBytes)
    return Error(ErrorCode::invalid,
                 fmt::format("{}: output: with this value of {} all variables together would take {} bytes, and {} are "
                             "the most",
                             node.place, name, bytes, kMostValueBytes),
                 false);
  variables_[name] = std::move(value);
  return {};
}

Result<void> TaskGraph::fail(const TaskPath& path) {
  const Place group = path.empty() ? Place() : group_at({path.begin(), path.end() - 1});
  if (group.node == nullptr || path.back() >= group.progress->begun || group.progress->done.contains(path.back()))
    return Error(ErrorCode::internal, fmt::format("task {} failed, and was not under way", to_text(path)), false);
  group.progress->failed.insert(path.back());
  ready_.insert({path.begin(), path.end() - 1});
  return {};
}

}  // namespace slicemill
