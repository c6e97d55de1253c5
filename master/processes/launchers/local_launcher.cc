#include "master/processes/launchers/local_launcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>

#include "core/model/launch.h"
#include "core/runtime/control_group.h"
#include "core/runtime/files.h"
#include "core/runtime/standby_process.h"
#include "master/processes/launchers/standby_pool.h"

namespace slicemill::master {

namespace {

constexpr std::uint64_t kLastWords = 16 << 10;  // bytes at the end of an output

class LocalLauncher final : public Launcher {
 public:
  LocalLauncher(AsioLoop& loop, LocalPrograms programs, const Standbys& standbys,
                std::shared_ptr<const ConnectionBook> connections)
      : loop_(loop),
        programs_(std::move(programs)),
        connections_(std::move(connections)),
        standby_controllers_(loop, programs_.controller, standbys.environment, standbys.count),
        standby_workers_(loop, programs_.worker, standbys.environment, standbys.count) {
    for (const auto& groups : {memory_groups_, cpu_groups_})
      if (groups) sweep_control_groups(*groups);  // of workers that ended while no master was there
  }

  void start_controller(const ControllerOrder& order, Started started) override {
    ProcessSpec spec;
    spec.arguments = {programs_.controller, "--launch", order.launch_file};
    spec.environment = order.environment;
    spec.output_path = order.output_path;
    start(standby_controllers_, std::move(spec), order.connections, std::move(started));
  }

  void start_worker(const WorkerOrder& order, Started started) override {
    ProcessSpec spec;
    spec.arguments = {
        programs_.worker,     "--controller",       order.controller_endpoint, "--ex",  order.ex_id.text, "--worker",
        order.worker_id.text, "--marker-directory", order.marker_directory,    "--log", order.log_path,   "--log-level",
        order.log_level};
    if (order.memory_limit > 0) {
      spec.arguments.emplace_back("--memory-limit");
      spec.arguments.push_back(std::to_string(order.memory_limit));
    }
    if (order.cpu_limit > 0) {
      spec.arguments.emplace_back("--cpu-limit");
      spec.arguments.push_back(fmt::format("{}", order.cpu_limit));
    }
    spec.environment = order.environment;
    // Not an argument: those are shown to every user of the machine.
    if (!order.controller_key.empty()) spec.environment.emplace_back(kControllerKeyVariable, order.controller_key);
    spec.output_path = order.output_path;
    start(standby_workers_, std::move(spec), order.connections, std::move(started));
  }

  std::unique_ptr<ProcessWatch> watch(const ProcessIdentity& process,
                                      std::function<void(ProcessExit)> on_exit) override {
    return watch_process(
        loop_, process,
        [groups = memory_groups_, cpu_groups = cpu_groups_, pid = process.pid, on_exit](ProcessExit exit) {
          const bool starved = groups && end_memory_group(*groups, pid);
          if (cpu_groups) end_cpu_group(*cpu_groups, pid);
          // To the kernel it is a kill like any other: here it becomes what a worker says itself that gets no memory.
          if (starved && (!exit.known || exit.signal == SIGKILL))
            exit = {.known = true, .code = kOutOfMemoryExit, .signal = 0};
          on_exit(exit);
        });
  }

  std::string last_words(const ProcessIdentity& process, const std::string& output_path) override {
    const auto file = posix_files().open(output_path);
    const auto stat = file ? (*file)->stat() : Result<FileStat>(file.error());
    if (!stat) return {};
    std::string tail(static_cast<std::size_t>(std::min<std::uint64_t>(stat->size, kLastWords)), '\0');
    const auto got = (*file)->read_at(stat->size - tail.size(), tail);
    if (!got) return {};
    tail.resize(*got);
    const std::string mark = controller_last_words(process.pid);
    const auto begin = tail.rfind(mark);
    if (begin == std::string::npos) return {};
    const std::string_view words = std::string_view(tail).substr(begin + mark.size());
    return std::string(words.substr(0, words.find('\n')));
  }

  std::string no_cpu_limit() const override { return no_cpu_limit_; }
  bool alive(const ProcessIdentity& process) override { return is_alive(process); }

  Result<void> signal(const ProcessIdentity& process, int signal_number) override {
    return signal_process(process, signal_number);
  }

 private:
  static std::string cpu_obstacle(const std::optional<ControlGroupParent>& groups) {
    if (!groups) return "no cpu controller of control groups is mounted";
    const auto tried = try_cpu_group(*groups);
    return tried ? "" : tried.error().message;
  }

  // Secrets are read beside the loop, since files and commands may take a while.
  void start(StandbyPool& standbys, ProcessSpec spec, const std::vector<std::string>& connections, Started started) {
    if (connections.empty()) return start(standbys, std::move(spec), std::move(started));
    auto text = std::make_shared<Result<std::string>>(std::string());
    loop_.offload(
        Loop::Executor::spawn,
        [book = connections_, connections, text] {
          const auto resolved = book->resolve(connections);
          *text = resolved ? Result<std::string>(resolved->to_text()) : resolved.error();
        },
        [this, alive = std::weak_ptr<bool>(alive_), &standbys, spec = std::move(spec), text,
         started = std::move(started)]() mutable {
          if (alive.expired()) return;
          if (!*text) return started(text->error());
          spec.secret_text = std::move(**text);
          start(standbys, std::move(spec), std::move(started));
        });
  }

  // With a secret, which is told over the pipe of a standby process, one is started for this order.
  static Result<ProcessIdentity> start_now(const ProcessSpec& spec) {
    if (spec.secret_text.empty()) return spawn_process(spec);
    ASSIGN_OR_RETURN(const auto process, StandbyProcess::start(spec.arguments.front(), spec.environment));
    RETURN_IF_ERROR(process->give_order(spec));
    return process->identity();
  }

  void start(StandbyPool& standbys, ProcessSpec spec, Started started) {
    if (auto process = standbys.take(spec)) {
      started(*process);
      return;
    }
    auto result = std::make_shared<Result<ProcessIdentity>>(Error(ErrorCode::internal, "not started"));
    loop_.offload(
        Loop::Executor::spawn, [spec = std::move(spec), result] { *result = start_now(spec); },
        [alive = std::weak_ptr<bool>(alive_), result, started = std::move(started)] {
          if (!alive.expired()) started(*result);
        });
  }

  AsioLoop& loop_;
  const LocalPrograms programs_;
  const std::shared_ptr<const ConnectionBook> connections_;
  StandbyPool standby_controllers_;
  StandbyPool standby_workers_;
  const std::optional<ControlGroupParent> memory_groups_ = find_control_group_parent(GroupController::memory);
  const std::optional<ControlGroupParent> cpu_groups_ = find_control_group_parent(GroupController::cpu);
  const std::string no_cpu_limit_ = cpu_obstacle(cpu_groups_);
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Launcher> make_local_launcher(AsioLoop& loop, LocalPrograms programs, const Standbys& standbys,
                                              std::shared_ptr<const ConnectionBook> connections) {
  return std::make_unique<LocalLauncher>(loop, std::move(programs), standbys, std::move(connections));
}

}  // namespace slicemill::master
