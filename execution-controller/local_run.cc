#include "execution-controller/local_run.h"

#include <unistd.h>

#include <csignal>
#include <optional>
#include <utility>
#include <vector>

#include "core/runtime/children.h"
#include "core/runtime/log.h"
#include "core/runtime/threads.h"
#include "core/wire/memory_channel.h"

namespace slicemill::controller {
namespace {

constexpr int kInterruptedExit = 130;
constexpr int kOwnThreads = 6;

class LocalRun {
 public:
  explicit LocalRun(LocalRunOptions options) : options_(std::move(options)), hub_(loop_), server_(hub_.server()) {}

  Result<ControllerOutcome> run() {
    // Executors, the ledger's threads, and two for each worker: said now, where nothing has begun.
    RETURN_IF_ERROR(try_threads(kOwnThreads + 2 * static_cast<int>(options_.workers)));
    ASSIGN_OR_RETURN(controller_, Controller::open({.loop = loop_,
                                                    .workers = *server_,
                                                    .files = posix_files(),
                                                    .on_notice = options_.on_notice,
                                                    .wanted_workers = options_.workers,
                                                    .leaves_at_obstacle = true},
                                                   options_.launch));
    for (std::uint32_t i = 0; i < options_.workers; ++i) {
      ASSIGN_OR_RETURN(auto worker, options_.make_worker(loop_, hub_.client()));
      workers_.push_back(std::move(worker));
    }
    loop_.on_signals([this](int number) { on_signal(number); });
    controller_->start([this](const ControllerOutcome& outcome) {
      outcome_ = outcome;
      loop_.stop();
    });
    show_progress();
    const OrphanReaper orphans(loop_);
    loop_.run();
    end_at_interrupts();
    workers_.clear();
    controller_.reset();
    return *outcome_;
  }

 private:
  void on_signal(int number) {
    if (number == SIGINT && interrupted_) _exit(kInterruptedExit);
    interrupted_ = true;
    log(LogLevel::warn, "signal {}: slices in flight finish, then this process ends", number);
    if (options_.on_leaving) options_.on_leaving();
    // Not a stop: that would be the execution's outcome, and end it for good.
    controller_->suspend(options_.launch.settings.shutdown_timeout_ms);
  }

  // Nobody hears signals from here on. What is left is to wait for the threads, one of which may hang in a source.
  static void end_at_interrupts() {
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { _exit(kInterruptedExit); });
  }

  void show_progress() {
    if (!options_.on_progress) return;
    loop_.after(options_.progress_every, [this] {
      options_.on_progress(controller_->report());
      show_progress();
    });
  }

  LocalRunOptions options_;
  AsioLoop loop_;
  MemoryHub hub_;
  std::unique_ptr<ServerChannel> server_;
  std::unique_ptr<Controller> controller_;
  std::vector<std::shared_ptr<void>> workers_;
  std::optional<ControllerOutcome> outcome_;
  bool interrupted_ = false;
};

}  // namespace

Result<ControllerOutcome> run_locally(LocalRunOptions options) {
  return LocalRun(std::move(options)).run();
}

}  // namespace slicemill::controller
