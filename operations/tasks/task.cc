#include "operations/tasks/task.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "core/runtime/piped_child.h"
#include "core/tasks/task_request.h"
#include "operations/tasks/attempt_directory.h"
#include "operations/tasks/task_log.h"
#include "operations/tasks/tasks_reader.h"

namespace slicemill {
namespace {

using TaskClock = std::chrono::steady_clock;

// How soon a cancelled task is noticed while it is silent.
constexpr std::chrono::milliseconds kLook{200};
// The child was killed and its group too: whoever still holds its output left the group.
constexpr std::chrono::milliseconds kLastOutput{500};
constexpr std::int64_t kLogBytes = 10 << 20;

// The source whose records come to this node.
Result<const OperationSpec*> tasks_before(const Plan& plan, std::size_t node) {
  const auto inputs = node < plan.size() ? plan.nodes[node].inputs : std::vector<std::size_t>();
  if (inputs.size() == 1 && plan.operation(inputs.front()).name == kTasksReader) return &plan.operation(inputs.front());
  return Error(ErrorCode::invalid,
               fmt::format("must stand behind `{}`, and get records from nothing else", kTasksReader), false);
}

std::string last_line(const std::string& text) {
  const auto end = text.rfind('\n');
  return end == std::string::npos ? text : text.substr(end + 1);
}

class Task final : public Sender {
 public:
  Result<void> initialize(const OperationContext& context) override {
    ASSIGN_OR_RETURN(const OperationSpec* source, tasks_before(context.job.plan, context.index));
    ASSIGN_OR_RETURN(root_, valid_tasks(source->options.at("tasks")));
    shell_ = context.operation.options.at("shell").get<std::vector<std::string>>();
    log_bytes_ = static_cast<std::uint64_t>(context.operation.options.at("log_bytes").get<std::int64_t>());
    log_directory_ = context.log_directory;
    return {};
  }

  Result<void> begin(const SliceContext& slice) override {
    ASSIGN_OR_RETURN(request_, parse_task_request(slice.request));
    const TaskNode* node = find_task(root_, request_.path);
    if (node == nullptr || node->kind != TaskKind::command)
      return Error(ErrorCode::invalid, fmt::format("the job has no task {}", to_text(request_.path)), false);
    command_ = &node->command;
    cancelled_ = slice.cancelled;
    slice_ = fmt::format("{}-{}-{}-{}", slice.origin_ex_id, slice.key.generation, slice.key.slicer, slice.key.order);
    attempt_ = fmt::format("{}.{}", slice.attempt.epoch, slice.attempt.n);
    slicer_ = slice.key.slicer;
    ex_id_ = slice.ex_id;
    return {};
  }

  bool changes_batches() const override { return false; }
  Result<void> write(RecordBatch&) override { return {}; }
  void abandon() override {}

  Result<StagedOutput> stage() override {
    auto value = run();
    if (!value) return with_context(value.error(), "task " + request_.label);
    return StagedOutput{.value = std::move(*value)};
  }

 private:
  Result<std::string> run() {
    std::optional<AttemptDirectory> directory;
    if (!command_->files.empty() || !command_->output.empty()) {
      ASSIGN_OR_RETURN(auto made, AttemptDirectory::make(slice_, attempt_));
      directory.emplace(std::move(made));
    }
    if (!command_->files.empty()) RETURN_IF_ERROR(directory->write(command_->files));
    ASSIGN_OR_RETURN(const PipedChildSpec spec, child_spec(directory ? &*directory : nullptr));
    TaskLog output(task_log_path(log_directory_, slicer_, to_text(request_.path)), "try " + attempt_, log_bytes_);
    ASSIGN_OR_RETURN(const auto child, PipedChild::start(spec));
    RETURN_IF_ERROR(wait_for(*child, output));
    const ProcessExit& exit = child->end(std::chrono::milliseconds(0));
    if (!exit.known || exit.code != 0 || exit.signal != 0) return failure(exit, output);
    return command_->output.empty() ? std::string() : directory->output(kMostValueBytes);
  }

  Result<PipedChildSpec> child_spec(const AttemptDirectory* directory) const {
    PipedChildSpec spec;
    spec.has_input = spec.errors_apart = false;
    spec.arguments = command_->run.empty() ? command_->argv : shell_;
    if (!command_->run.empty()) spec.arguments.push_back(command_->run);
    spec.environment.assign(request_.variables.begin(), request_.variables.end());
    spec.environment.insert(spec.environment.end(), command_->environment.begin(), command_->environment.end());
    spec.environment.emplace_back("SLICEMILL_TASK", request_.label);
    spec.environment.emplace_back("SLICEMILL_EXECUTION", ex_id_);
    spec.environment.emplace_back("SLICEMILL_TRY", attempt_);
    spec.directory = command_->directory;
    if (!command_->files.empty()) {
      spec.environment.emplace_back("SLICEMILL_FILES", directory->files_path());
      if (spec.directory.empty()) spec.directory = directory->files_path();
    }
    if (!command_->output.empty()) spec.environment.emplace_back("SLICEMILL_OUTPUT", directory->output_path());
    const auto path = command_->environment.find("PATH");
    ASSIGN_OR_RETURN(spec.program, find_program(spec.arguments.front(), spec.directory,
                                                path == command_->environment.end() ? "" : path->second));
    return spec;
  }

  // Keeps its output until it has ended.
  Result<void> wait_for(PipedChild& child, TaskLog& output) const {
    const auto begun = TaskClock::now();
    std::optional<TaskClock::time_point> ended;
    while (true) {
      if (!ended && child.exit()) {
        ended = TaskClock::now();
        child.kill_group();  // what it left running is not waited for
      }
      if (ended && (child.output() < 0 || TaskClock::now() - *ended > kLastOutput)) return {};
      if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed))
        return Error(ErrorCode::cancelled, "cancelled");
      const auto left = left_of(begun);
      if (!ended && left.count() <= 0)
        return Error(ErrorCode::timeout,
                     fmt::format("was not done within its timeout of {} ms and is killed", command_->timeout_ms));
      std::array<pollfd, 2> fds{{{child.output(), POLLIN, 0}, {ended ? -1 : child.pidfd(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), static_cast<int>(std::min(kLook, left).count())) < 0 && errno != EINTR)
        return errno_error(errno, "wait for", "the task");
      if (fds[0].revents != 0) read_output(child, output);
    }
  }

  // Of its time; where it has no limit, always some.
  std::chrono::milliseconds left_of(TaskClock::time_point begun) const {
    if (command_->timeout_ms == 0) return kLook;
    return std::chrono::ceil<std::chrono::milliseconds>(begun + std::chrono::milliseconds(command_->timeout_ms) -
                                                        TaskClock::now());
  }

  static void read_output(PipedChild& child, TaskLog& output) {
    std::array<char, 64 << 10> bytes;
    while (true) {
      const ssize_t got = ::read(child.output(), bytes.data(), bytes.size());
      if (got > 0) {
        output.write({bytes.data(), static_cast<std::size_t>(got)});
        return;  // others are looked at between
      }
      if (got < 0 && errno == EINTR) continue;
      if (got == 0 || errno != EAGAIN) child.close_output();
      return;
    }
  }

  static Error failure(const ProcessExit& exit, const TaskLog& output) {
    std::string message = "ended with " + exit.to_text();
    const std::string tail = output.tail();
    if (!tail.empty()) message += ": " + last_line(tail);
    if (tail.find('\n') != std::string::npos) message += "\nthe end of its output:\n" + tail;
    return {ErrorCode::io, std::move(message)};
  }

  TaskNode root_;
  std::vector<std::string> shell_;
  std::uint64_t log_bytes_ = 0;
  std::string log_directory_;
  // Of the slice.
  TaskRequest request_;
  const TaskCommand* command_ = nullptr;
  const std::atomic<bool>* cancelled_ = nullptr;
  std::string slice_, attempt_, ex_id_;
  std::uint32_t slicer_ = 0;
};

}  // namespace

OperationEntry task_operation() {
  OperationSchema schema;
  schema.name = "task";
  schema.kind = OperationKind::sender;
  schema.description = "Runs each task of `tasks` as a command with a process group of its own.";
  schema.options = {
      {.name = "shell",
       .type = OptionType::text_list,
       .description = "The program, and its arguments, that gets the text of `run` as its last argument.",
       .default_value = Json::array({"/bin/sh", "-c"}),
       .is_code = true},
      {.name = "log_bytes",
       .type = OptionType::bytes,
       .description = "How much of what one try of a task writes is kept, in bytes.",
       .default_value = kLogBytes,
       .minimum = 0},
  };
  schema.commit = CommitClass::at_least_once;
  schema.repeatable = false;
  schema.check = [](const Json& options) -> Result<void> {
    const auto shell = options.at("shell").get<std::vector<std::string>>();
    if (!shell.empty() && !shell.front().empty()) return {};
    return Error(ErrorCode::invalid, "shell: a program is required", false);
  };
  schema.check_job = [](const Json&, const JobScope& scope) -> Result<void> {
    const Plan& plan = scope.job.plan;
    for (std::size_t node = 0; node < plan.size(); ++node)
      if (plan.operation(node).name == "task") RETURN_IF_ERROR(tasks_before(plan, node));
    return {};
  };
  return {std::move(schema), [] { return std::make_unique<Task>(); }};
}

}  // namespace slicemill
