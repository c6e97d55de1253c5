#include "slicer/tasks_slicer.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/tasks/task_graph.h"
#include "core/tasks/task_request.h"

namespace slicemill {
namespace {

class TasksSlicer final : public Slicer {
 public:
  Result<void> open(const SlicerContext& context, const std::string& position) override {
    ASSIGN_OR_RETURN(TaskNode root, valid_tasks(context.options.at("tasks")));
    graph_.emplace(std::move(root));
    return graph_->restore(position);
  }

  Result<SliceBatch> next(std::size_t wanted) override { return turn(wanted); }

  bool hears_completions() const override { return true; }

  Result<SliceBatch> on_completed(const std::vector<Completion>& completions, std::size_t wanted) override {
    for (const Completion& completion : completions) {
      ASSIGN_OR_RETURN(const TaskRequest request, parse_task_request(completion.request));
      RETURN_IF_ERROR(completion.state == SliceState::completed ? graph_->complete(request.path, completion.value)
                                                                : graph_->fail(request.path));
    }
    return turn(wanted);
  }

  SourceUnit unit() const override { return SourceUnit::records; }

  // What was done stays done, if the tasks stand where they stood.
  std::string position_mismatch(const Json& recovered_options, const Json& options) const override {
    const auto before = valid_tasks(recovered_options.at("tasks"));
    const auto now = valid_tasks(options.at("tasks"));
    if (!before || !now) return "the tasks cannot be read";
    return shape_difference(*before, *now);
  }

 private:
  Result<SliceBatch> turn(std::size_t wanted) {
    ASSIGN_OR_RETURN(const auto begun, graph_->begin_tasks(wanted));
    ListRequests births;
    for (const BegunTask& task : begun)
      births.requests.push_back(to_text(TaskRequest{task.path, task_label(graph_->root(), task.path), task.variables}));
    SliceBatch batch;
    batch.finished = graph_->finished();
    batch.awaits_completions = begun.size() < wanted && !batch.finished;
    batch.total = count_tasks(graph_->root());
    if (!births.requests.empty()) batch.runs.emplace_back(std::move(births));
    batch.position = graph_->position();
    return batch;
  }

  std::optional<TaskGraph> graph_;
};

}  // namespace

std::unique_ptr<Slicer> make_tasks_slicer() {
  return std::make_unique<TasksSlicer>();
}

SlicePolicyOf tasks_policy(const Json& options) {
  auto root = valid_tasks(options.at("tasks"));
  if (!root) return nullptr;
  return [root = std::make_shared<const TaskNode>(std::move(*root))](std::string_view text) -> SlicePolicy {
    const auto request = parse_task_request(text);
    const TaskNode* task = request ? find_task(*root, request->path) : nullptr;
    if (task == nullptr) return {};
    return {to_text(request->path), request->label, task->command.retries, task->command.retry_delay_ms};
  };
}

}  // namespace slicemill
