// The process body of `slicemill-worker`, and the runner of this build's operations.
#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <new>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/model/launch.h"
#include "core/runtime/asio_loop.h"
#include "core/runtime/control_group.h"
#include "core/runtime/fault.h"
#include "core/runtime/files.h"
#include "core/runtime/log.h"
#include "core/runtime/standard_output.h"
#include "core/runtime/text.h"
#include "core/runtime/threads.h"
#include "core/wire/zmq_channel.h"
#include "worker/slice_runner.h"
#include "worker/worker.h"

namespace slicemill::worker {
namespace {

enum : int { kOk = 0, kFailed = 1, kCannotStart = 3 };

// The slices' own, and the one that waits for the disk.
constexpr int kSliceThreads = 2;
// Address space that is reserved for thread stacks and heaps, and mostly never used, counts as data too.
constexpr rlim_t kReservedBytes = 96 << 20;

// Nothing can be unwound or told without memory: the controller sees the exit, and the note of the slice that had
// begun.
[[noreturn]] void out_of_memory() {
  constexpr std::string_view kText = "slicemill-worker: out of memory\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText.data(), kText.size());
  _exit(kOutOfMemoryExit);
}

// Before anything is allocated that counts. A control group counts this process and all that it starts together; where
// the machine has none for us, each of them has the limit for its data alone. Returns what to write into the log.
Result<std::string> limit_memory(const std::string& limit) {
  std::set_new_handler(out_of_memory);
  if (limit.empty()) return std::string();
  const auto bytes = parse_integer(limit);
  if (!bytes || *bytes <= 0) return Error(ErrorCode::invalid, "--memory-limit must be a number of bytes");
  const auto parent = find_control_group_parent(GroupController::memory);
  const Result<void> entered = parent ? enter_memory_group(*parent, static_cast<std::uint64_t>(*bytes))
                                      : Error(ErrorCode::not_found, "no memory controller is mounted");
  if (entered) return fmt::format("memory is limited to {} bytes by a control group", *bytes);
  const rlim_t data = static_cast<rlim_t>(*bytes) + kReservedBytes;
  const rlimit most{data, data};
  if (setrlimit(RLIMIT_DATA, &most) != 0) return errno_error(errno, "cannot limit", "memory");
  return fmt::format("data is limited to {} bytes, as there is no control group: {}", data, entered.error().message);
}

// Whoever gave the limit knows that groups can be made here.
Result<std::string> limit_processors(const std::string& limit) {
  if (limit.empty()) return std::string();
  double cpus = 0;
  const auto [end, failed] = std::from_chars(limit.data(), limit.data() + limit.size(), cpus);
  if (failed != std::errc() || end != limit.data() + limit.size() || !(cpus > 0))
    return Error(ErrorCode::invalid, "--cpu-limit must be a number of processors");
  const auto parent = find_control_group_parent(GroupController::cpu);
  const Result<void> entered =
      parent ? enter_cpu_group(*parent, cpus) : Error(ErrorCode::not_found, "no cpu controller is mounted");
  if (!entered) return with_context(entered.error(), "the processors cannot be limited");
  return fmt::format("processors are limited to {} by a control group", limit);
}

// Before any thread reads the environment; what operations start does not inherit it.
std::string take_controller_key() {
  const char* const found = std::getenv(kControllerKeyVariable);
  std::string key = found == nullptr ? "" : found;
  unsetenv(kControllerKeyVariable);
  return key;
}

}  // namespace

Worker::RunnerOf builtin_runner(const RunnerPlace& place) {
  return [place](const wire::Welcome& welcome) -> Result<std::unique_ptr<SliceRunner>> {
    ASSIGN_OR_RETURN(const JobSpec job, parse_job_spec(welcome.job));
    return make_slice_runner(job, welcome.generation_ids, place);
  };
}

int run_worker(const WorkerOptions& options) {
  const auto limited = limit_memory(options.memory_limit);
  if (!limited) {
    fmt::print(stderr, "slicemill-worker: {}\n", limited.error().message);
    return kCannotStart;
  }
  const auto processors = limit_processors(options.cpu_limit);
  if (!processors) {
    fmt::print(stderr, "slicemill-worker: {}\n", processors.error().message);
    return kCannotStart;
  }
  set_fault_process("worker");
  const auto level = parse_log_level(options.log_level);
  const auto started = start_logging(
      {.path = options.log_path, .process = "worker " + options.worker_id, .level = level ? *level : LogLevel::info});
  if (!started) {
    fmt::print(stderr, "slicemill-worker: {}\n", started.error().message);
    return kCannotStart;
  }
  for (const auto& limit : {*limited, *processors})
    if (!limit.empty()) log(LogLevel::info, "{}", limit);
  const std::string key = take_controller_key();
  AsioLoop loop;
  auto prepared = prepare_zmq_channels(kObstructedExit);
  if (prepared) prepared = try_threads(kSliceThreads);
  if (!prepared) {
    log(LogLevel::error, "{}", prepared.error().message);
    return kObstructedExit;
  }
  auto channel = connect_zmq_channel(loop, options.controller_endpoint, key);
  const auto process = own_process();
  if (!channel || !process) {
    const Error& error = channel ? process.error() : channel.error();
    log(LogLevel::error, "{}", error.message);
    return error.obstacle ? kObstructedExit : kCannotStart;
  }
  (void)posix_files().create_directories(options.marker_directory);  // without it the note says what is wrong
  const auto monitor = make_process_monitor(loop);
  int code = kOk;
  Worker worker(loop, std::move(*channel), monitor.get(),
                {.worker_id = options.worker_id,
                 .process = *process,
                 .marker_path = fmt::format("{}/{}.begun", options.marker_directory, options.worker_id),
                 .has_pulse = true},
                builtin_runner({options.worker_id, options.log_path.substr(0, options.log_path.rfind('/'))}),
                [&](const std::string& reason) {
                  code = reason.empty() ? kOk : kFailed;
                  loop.stop();
                });
  loop.on_signals([&worker](int) { worker.leave(); });
  bound_standard_output(loop);
  worker.start();
  loop.run();
  return worker.obstructed() ? kObstructedExit : code;
}

}  // namespace slicemill::worker
