#include "core/tasks/task_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/runtime/text.h"

namespace slicemill {
namespace {

using Place = std::vector<std::string>;

constexpr std::array kBodies = {"run", "argv", "tasks", "parallel"};
constexpr std::int64_t kLongestTaskMs = 365LL * 86'400'000;
constexpr std::size_t kMostTasks = 100'000;  // that are written out in a job

const std::vector<OptionSpec>& group_options() {
  static const std::vector<OptionSpec> specs = {
      {.name = "name", .type = OptionType::text},
      {.name = "run", .type = OptionType::text, .is_code = true},
      {.name = "argv", .type = OptionType::text_list, .is_code = true},
      {.name = "tasks"},
      {.name = "parallel"},
      {.name = "each"},
      {.name = "concurrency", .type = OptionType::integer, .minimum = 1, .maximum = 1e9},
      {.name = "as", .type = OptionType::text},
      {.name = "index_as", .type = OptionType::text},
  };
  return specs;
}

const std::vector<OptionSpec>& command_options() {
  static const std::vector<OptionSpec> specs = [] {
    std::vector<OptionSpec> all = group_options();
    const std::vector<OptionSpec> own = {
        {.name = "env", .type = OptionType::object},
        {.name = "files", .type = OptionType::object},
        {.name = "workdir", .type = OptionType::text},
        {.name = "timeout", .type = OptionType::duration_ms, .minimum = 1, .maximum = double{kLongestTaskMs}},
        {.name = "output", .type = OptionType::text},
        {.name = "retries", .type = OptionType::integer, .minimum = 0, .maximum = 1000},
        {.name = "retry_delay", .type = OptionType::duration_ms, .minimum = 1, .maximum = double{kLongestTaskMs}},
    };
    all.insert(all.end(), own.begin(), own.end());
    return all;
  }();
  return specs;
}

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_compact_text(value);
}

class TaskParser {
 public:
  explicit TaskParser(std::vector<ValidationIssue>& issues) : issues_(issues) {}

  std::vector<TaskNode> list(const Json& tasks, const Place& place, const std::string& shown, std::size_t depth) {
    std::vector<TaskNode> nodes;
    if (!tasks.is_array()) {
      issue(place, "must be a list of tasks");
      return nodes;
    }
    if (tasks.empty()) issue(place, "at least one task is required");
    if (depth > kMostTaskDepth) {
      issue(place, fmt::format("tasks may stand within each other at most {} deep", kMostTaskDepth));
      return nodes;
    }
    for (std::size_t i = 0; i < tasks.size() && count_ <= kMostTasks; ++i)
      nodes.push_back(node(tasks[i], below(place, std::to_string(i)), fmt::format("{}[{}]", shown, i), depth));
    return nodes;
  }

 private:
  static Place below(Place place, const std::string& member) {
    place.push_back(member);
    return place;
  }

  void issue(Place place, std::string message) { issues_.push_back({std::move(place), std::move(message)}); }

  TaskNode node(const Json& given, const Place& place, const std::string& shown, std::size_t depth) {
    TaskNode task;
    task.place = shown;
    if (++count_ > kMostTasks) {
      issue(place, fmt::format("a job has at most {} tasks; `each` runs one for every item of a list", kMostTasks));
      return task;
    }
    if (!given.is_object()) {
      issue(place, "must be an object with one of run, argv, tasks and parallel");
      return task;
    }
    const auto is_given = [&](const char* member) { return given.contains(member) && !given.at(member).is_null(); };
    const auto bodies = std::ranges::count_if(kBodies, is_given);
    if (bodies != 1) {
      issue(place, bodies == 0 ? "one of run, argv, tasks and parallel is required"
                               : "only one of run, argv, tasks and parallel can be given");
      return task;
    }
    const bool is_command = is_given("run") || is_given("argv");
    const ValidatedOptions valid = validate_against(is_command ? command_options() : group_options(), given);
    for (const ValidationIssue& found : valid.issues) {
      Place where = place;
      where.insert(where.end(), found.path.begin(), found.path.end());
      issue(std::move(where), found.message);
    }
    for (const JobWarning& warning : valid.warnings)  // a misspelt member would change what runs
      issue(below(place, warning.field), warning.description);
    if (!valid.issues.empty() || !valid.warnings.empty()) return task;
    const Json& options = valid.options;
    task.name = options.value("name", "");
    if (!is_given("each")) {
      for (const char* member : {"concurrency", "as", "index_as"})
        if (is_given(member)) issue(below(place, member), "is of `each`, which is not given");
      body(task, options, place, shown, depth);
      return task;
    }
    TaskNode child;
    child.name = task.name;
    child.place = shown;
    body(child, options, place, shown, depth + 1);
    task.kind = TaskKind::each;
    task.children.push_back(std::move(child));
    each(task, options, place);
    return task;
  }

  void body(TaskNode& task, const Json& options, const Place& place, const std::string& shown, std::size_t depth) {
    for (const char* group : {"tasks", "parallel"}) {
      if (!options.contains(group)) continue;
      task.kind = group == std::string_view("tasks") ? TaskKind::sequence : TaskKind::parallel;
      task.children = list(options.at(group), below(place, group), shown + "." + group, depth + 1);
      return;
    }
    task.kind = TaskKind::command;
    TaskCommand& command = task.command;
    command.run = options.value("run", "");
    command.argv = options.value("argv", std::vector<std::string>());
    if (options.contains("argv") && command.argv.empty()) issue(below(place, "argv"), "a program is required");
    command.environment = texts(options, "env", place);
    for (const auto& [name, value] : command.environment) check_variable(name, below(place, "env"));
    command.files = texts(options, "files", place);
    for (const auto& [name, text] : command.files)
      if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos || name.size() > 255)
        issue(below(place, "files"), fmt::format("\"{}\" is no name of a file", name));
    command.directory = options.value("workdir", "");
    command.timeout_ms = options.value("timeout", std::int64_t{0});
    command.output = options.value("output", "");
    if (!command.output.empty()) check_variable(command.output, below(place, "output"));
    command.retries = options.value("retries", std::uint32_t{0});
    command.retry_delay_ms = options.value("retry_delay", std::int64_t{0});
    for (const std::string* text : {&command.run, &command.directory}) check_text(*text, place);
    for (const std::string& text : command.argv) check_text(text, below(place, "argv"));
  }

  void each(TaskNode& task, const Json& options, const Place& place) {
    const Json& list = options.at("each");
    if (list.is_array()) {
      task.items.emplace();
      for (const Json& item : list) task.items->push_back(text_of(item));
      for (const std::string& item : *task.items) check_text(item, below(place, "each"));
    } else if (list.is_string() && is_variable_name(list.get_ref<const std::string&>())) {
      task.items_of = list.get<std::string>();
    } else {
      issue(below(place, "each"), "must be a list, or the name of a variable that holds one");
    }
    task.concurrency = options.value("concurrency", std::uint64_t{0});
    task.item_name = options.value("as", "ITEM");
    task.index_name = options.value("index_as", "INDEX");
    check_variable(task.item_name, below(place, "as"));
    check_variable(task.index_name, below(place, "index_as"));
  }

  void check_variable(const std::string& name, const Place& place) {
    if (!is_variable_name(name))
      issue(place, fmt::format("\"{}\" is no name of a variable: letters, digits and _, no digit first", name));
    else if (name.starts_with("SLICEMILL_"))
      issue(place, fmt::format("{}: names that begin with SLICEMILL_ are the system's own", name));
  }

  // What a system call would cut.
  void check_text(const std::string& text, const Place& place) {
    if (text.find('\0') != std::string::npos) issue(place, "a character with the code 0 cannot be given to a program");
  }

  std::map<std::string, std::string> texts(const Json& options, const char* member, const Place& place) {
    std::map<std::string, std::string> found;
    if (!options.contains(member)) return found;
    for (const auto& [name, value] : options.at(member).items()) {
      if (value.is_structured() || value.is_null())
        issue(below(below(place, member), name), "must be a text, a number or a boolean");
      else
        found[name] = text_of(value);
      if (member == std::string_view("env")) check_text(found[name], below(below(place, member), name));
    }
    return found;
  }

  std::vector<ValidationIssue>& issues_;
  std::size_t count_ = 0;
};

const char* to_text(TaskKind kind) {
  switch (kind) {
    case TaskKind::command:
      return "a command";
    case TaskKind::sequence:
      return "tasks one after the other";
    case TaskKind::parallel:
      return "parallel tasks";
    case TaskKind::each:
      return "an each";
  }
  return "";
}

constexpr std::size_t kShownCommand = 60;  // bytes

std::string words_of(const TaskNode& node) {
  std::string name = node.name.empty() ? "" : node.name + ": ";
  switch (node.kind) {
    case TaskKind::command: {
      const TaskCommand& command = node.command;
      std::string text = command.run.empty() ? fmt::format("{}", fmt::join(command.argv, " ")) : command.run;
      std::size_t shown = std::min({text.find('\n'), text.size(), kShownCommand});
      while (shown > 0 && shown < text.size() && (text[shown] & 0xC0) == 0x80) --shown;  // a character is not cut
      if (shown < text.size()) text = text.substr(0, shown) + " ...";
      return name + text;
    }
    case TaskKind::sequence:
      return name + "one after the other";
    case TaskKind::parallel:
      return name + "parallel";
    case TaskKind::each: {
      const std::string of = node.items ? fmt::format("{} items", node.items->size()) : "$" + node.items_of;
      const std::string at_a_time = node.concurrency == 0 ? "" : fmt::format(", {} at a time", node.concurrency);
      return fmt::format("{}each of {}{}", name, of, at_a_time);
    }
  }
  return name;
}

void draw(const TaskNode& node, const std::string& margin, std::string& text) {
  for (const TaskNode& child : node.children) {
    const bool is_last = &child == &node.children.back();
    text += fmt::format("{}{} {}\n", margin, is_last ? "└─" : "├─", words_of(child));
    draw(child, margin + (is_last ? "   " : "│  "), text);
  }
}

}  // namespace

std::string to_text(const TaskPath& path) {
  return fmt::format("{}", fmt::join(path, "."));
}

Result<TaskPath> parse_task_path(std::string_view text) {
  TaskPath path;
  for (const auto& part : split(text, '.')) {
    const auto number = parse_integer(part);
    if (!number || *number < 0) return Error(ErrorCode::corrupt, fmt::format("\"{}\" is no path of a task", text));
    path.push_back(static_cast<std::uint64_t>(*number));
  }
  return path;
}

ParsedTasks parse_tasks(const Json& tasks) {
  ParsedTasks parsed;
  parsed.root.place = "tasks";
  parsed.root.children = TaskParser(parsed.issues).list(tasks, {}, "tasks", 0);
  return parsed;
}

Result<TaskNode> valid_tasks(const Json& tasks) {
  ParsedTasks parsed = parse_tasks(tasks);
  if (parsed.issues.empty()) return std::move(parsed.root);
  const ValidationIssue& first = parsed.issues.front();
  return Error(ErrorCode::corrupt, fmt::format("tasks.{}: {}", fmt::join(first.path, "."), first.message), false);
}

const TaskNode* find_task(const TaskNode& root, const TaskPath& path) {
  const TaskNode* node = &root;
  for (const std::uint64_t number : path) {
    const std::size_t child = node->kind == TaskKind::each ? 0 : static_cast<std::size_t>(number);
    if (child >= node->children.size()) return nullptr;
    node = &node->children[child];
  }
  return node;
}

std::string task_label(const TaskNode& root, const TaskPath& path) {
  const TaskNode* node = &root;
  std::string items;
  for (const std::uint64_t number : path) {
    if (node->kind == TaskKind::each) items += fmt::format("[{}]", number);
    const std::size_t child = node->kind == TaskKind::each ? 0 : static_cast<std::size_t>(number);
    if (child >= node->children.size()) return to_text(path);
    node = &node->children[child];
  }
  return (node->name.empty() ? node->place : node->name) + items;
}

std::string draw_tasks(const TaskNode& root) {
  std::string text;
  draw(root, "", text);
  return text;
}

std::optional<std::uint64_t> count_tasks(const TaskNode& node) {
  if (node.kind == TaskKind::command) return 1;
  if (node.kind == TaskKind::each && !node.items) return std::nullopt;
  std::uint64_t sum = 0;
  for (const TaskNode& child : node.children) {
    const auto count = count_tasks(child);
    if (!count) return std::nullopt;
    sum += *count;
  }
  return node.kind == TaskKind::each ? sum * node.items->size() : sum;
}

std::string shape_difference(const TaskNode& before, const TaskNode& now) {
  if (before.kind != now.kind)
    return fmt::format("{} is {} and was {}", now.place, to_text(now.kind), to_text(before.kind));
  if (before.items != now.items || before.items_of != now.items_of)
    return fmt::format("{} has another list", now.place);
  if (before.children.size() != now.children.size())
    return fmt::format("{} has {} tasks and had {}", now.place, now.children.size(), before.children.size());
  for (std::size_t i = 0; i < now.children.size(); ++i)
    if (auto difference = shape_difference(before.children[i], now.children[i]); !difference.empty()) return difference;
  return "";
}

}  // namespace slicemill
