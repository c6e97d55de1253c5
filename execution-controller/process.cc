// The process body of `slicemill-controller`.
#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/runtime/asio_loop.h"
#include "core/runtime/fault.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/log.h"
#include "core/runtime/printable.h"
#include "core/runtime/standard_output.h"
#include "core/runtime/threads.h"
#include "core/wire/zmq_channel.h"
#include "execution-controller/execution_process.h"

namespace slicemill::controller {
namespace {

Result<ControllerLaunch> read_launch(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_whole_file(posix_files(), path));
  const auto json = parse_json(text);
  if (!json) return with_context(json.error(), path);
  return ControllerLaunch::from_json(*json);
}

std::optional<CurveKeys> curve_keys(const ControllerLaunch& launch) {
  if (launch.controller_public_key.empty()) return std::nullopt;
  return CurveKeys{launch.controller_public_key, launch.controller_secret_key};
}

// The master reads it from our output, and shows it as the reason.
int end_with(int code, const std::string& reason) {
  fmt::print(stderr, "{}{}\n", controller_last_words(::getpid()), printable(reason));
  return code;
}

int cannot_begin(const Error& error) {
  return end_with(cannot_start_code(error), error.message);
}
// RocksDB's timer, its two kinds of background work, and four executors.
constexpr int kMostThreads = 7;

// A limit that is lifted may be so only for processes that are started from then on: one that gets no thread for long
// makes room for its successor.
class EndsWithoutThreads {
 public:
  EndsWithoutThreads(AsioLoop& loop, std::function<void()> end) : loop_(loop), end_(std::move(end)) { look(false); }

 private:
  static constexpr auto kLookEvery = std::chrono::seconds(8);

  void look(bool waited) {
    const bool waits = !loop_.waits_for().empty();
    if (waits && waited) {
      end_();
      return;
    }
    loop_.around(kLookEvery, [this, waits] { look(waits); });
  }

  AsioLoop& loop_;
  const std::function<void()> end_;
};

}  // namespace

int run_execution_controller(const std::string& launch_file) {
  const auto read = read_launch(launch_file);
  if (!read) return cannot_begin(read.error());
  const ControllerLaunch& launch = *read;
  set_fault_process("controller");
  const auto started = start_logging({.path = launch.log_path, .process = "controller"});
  if (!started) return cannot_begin(started.error());
  if (auto passed = fault("launched"); !passed) return cannot_begin(passed.error());
  AsioLoop loop;
  if (const auto prepared = prepare_zmq_channels(kObstructedExit); !prepared) {
    log(LogLevel::error, "{}", prepared.error().message);
    return cannot_start_code(prepared.error());
  }
  if (const auto room = try_threads(kMostThreads); !room) {
    log(LogLevel::error, "{}", room.error().message);
    return cannot_start_code(room.error());
  }
  const auto workers = make_zmq_channel(loop, launch.controller_endpoint, curve_keys(launch));
  const auto master = connect_zmq_channel(loop, launch.master_endpoint);
  if (!workers || !master) {
    const Error& error = workers ? master.error() : workers.error();
    log(LogLevel::error, "{}", error.message);
    return cannot_begin(error);
  }
  const auto monitor = make_process_monitor(loop);
  int code = 0;
  ExecutionProcess process({.loop = loop,
                            .workers = **workers,
                            .master = master->get(),
                            .monitor = monitor.get(),
                            .files = posix_files(),
                            .has_pulses = true},
                           launch, [&](int end) {
                             code = end;
                             loop.stop();
                           });
  loop.on_signals([&loop](int) { loop.stop(); });  // all that counts is durable; the next start goes on from it
  bound_standard_output(loop);
  EndsWithoutThreads ends_without_threads(loop, [&] {
    code = kObstructedExit;
    loop.stop();
  });
  process.start();
  loop.run();
  return code == 0 || process.reason().empty() ? code : end_with(code, process.reason());
}

}  // namespace slicemill::controller
