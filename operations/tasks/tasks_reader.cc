#include "operations/tasks/tasks_reader.h"

#include <fmt/format.h>

#include "core/tasks/task_tree.h"

namespace slicemill {
namespace {

// One record: the request itself.
class TasksReader final : public Reader {
 public:
  Result<void> initialize(const OperationContext&) override { return {}; }
  Result<void> open(const SliceContext& slice) override {
    request_ = slice.request;
    return {};
  }
  Result<void> read(RecordBatch& batch) override {
    if (!request_.empty()) batch.append_copy(request_);
    request_ = {};
    return {};
  }

 private:
  std::string_view request_;
};

Result<void> check_tasks(const Json& options) {
  const ParsedTasks parsed = parse_tasks(options.at("tasks"));
  if (parsed.issues.empty()) return {};
  const ValidationIssue& first = parsed.issues.front();
  std::string place = "tasks";
  for (const std::string& member : first.path)
    place += member.find_first_not_of("0123456789") == std::string::npos ? "[" + member + "]" : "." + member;
  return Error(ErrorCode::invalid, fmt::format("{}: {}", place, first.message), false);
}

}  // namespace

OperationEntry tasks_operation() {
  OperationSchema schema;
  schema.name = kTasksReader;
  schema.kind = OperationKind::reader;
  schema.description =
      "Makes a slice of every task of a job, when all that stands before the task is done. Goes with `task`.";
  schema.options = {{.name = "tasks",
                     .type = OptionType::any,
                     .description = "The tasks, one after the other: see docs/tasks.md.",
                     .required = true,
                     .is_code = true}};
  schema.check = check_tasks;
  return {std::move(schema), [] { return std::make_unique<TasksReader>(); }};
}

}  // namespace slicemill
