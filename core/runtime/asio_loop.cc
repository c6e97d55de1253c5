#include "core/runtime/asio_loop.h"

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "core/runtime/log.h"
#include "core/runtime/threads.h"

#include "core/runtime/readiness.h"

namespace slicemill {

namespace asio = boost::asio;

namespace {

constexpr auto kExecutorNames =
    std::to_array<const char*>({"slicer", "publish", "query", "store", "assets", "ledger", "documents", "spawn"});
static_assert(kExecutorNames.size() == Loop::kExecutors);
// An executor without work keeps its thread for so long: hundreds of idle processes would otherwise keep thousands.
constexpr Duration kKeepThread = std::chrono::seconds(1);
constexpr Duration kTryThreadAgain = std::chrono::milliseconds(250);

}  // namespace

// One thread at most, first in, first out. Members are for the loop thread, but for run().
class AsioLoop::ExecutorThread {
 public:
  ExecutorThread(AsioLoop& loop, std::string name) : loop_(loop), name_(std::move(name)) {}
  ~ExecutorThread() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    run();  // what no thread could be made for
  }

  void submit(Loop::Task work, Loop::Task done) {
    bool runs = false;
    {
      const std::lock_guard lock(mutex_);
      tasks_.emplace_back(std::move(work), std::move(done));
      runs = runs_;
    }
    if (runs)
      wake_.notify_one();
    else if (waits_for_.empty())
      start_or_wait();
  }

  Result<void> keep() {
    kept_ = true;
    return start();
  }

  const std::string& waits_for() const { return waits_for_; }

 private:
  Result<void> start() {
    if (thread_.joinable()) thread_.join();  // it has left run(), or is about to
    {
      const std::lock_guard lock(mutex_);
      runs_ = true;
    }
    auto started = start_thread(thread_, "executor " + name_, [this] { run(); });
    if (!started) {
      const std::lock_guard lock(mutex_);
      runs_ = false;
    }
    return started;
  }

  void start_or_wait() {
    const auto started = start();
    if (!started) {
      if (waits_for_.empty()) log(LogLevel::warn, "waiting: {}", started.error().message);
      waits_for_ = started.error().message;
      loop_.after(kTryThreadAgain, [this] { start_or_wait(); });
    } else if (!waits_for_.empty()) {
      log(LogLevel::info, "going on: the thread of the {} executor could be started", name_);
      waits_for_.clear();
    }
  }

  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      const auto has_work = [this] { return ending_ || !tasks_.empty(); };
      if (kept_)
        wake_.wait(lock, has_work);
      else
        (void)wake_.wait_for(lock, kKeepThread, has_work);
      if (tasks_.empty()) {
        runs_ = false;
        return;
      }
      auto [work, done] = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      work();
      work = nullptr;  // what it captured dies here, before done runs elsewhere
      if (done) loop_.post(std::move(done));
    }
  }

  AsioLoop& loop_;
  const std::string name_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<Loop::Task, Loop::Task>> tasks_;  // by mutex_
  bool ending_ = false;                                  // by mutex_
  bool runs_ = false;                                    // by mutex_: a thread takes what is queued
  bool kept_ = false;                                    // constant once there is a thread
  std::string waits_for_;                                // why there is no thread though there is work
  std::thread thread_;
};

namespace {

class DescriptorWatch final : public AsioLoop::Watch {
 public:
  DescriptorWatch(asio::io_context& context, int fd, std::function<void()> on_readable)
      : state_(std::make_shared<State>(context, fd, std::move(on_readable))) {
    arm(state_);
  }
  ~DescriptorWatch() override {
    state_->ended = true;
    boost::system::error_code ignored;
    state_->descriptor.cancel(ignored);
    state_->descriptor.release();
  }

 private:
  struct State {
    State(asio::io_context& context, int fd, std::function<void()> callback)
        : descriptor(context, fd), on_readable(std::move(callback)) {}
    asio::posix::stream_descriptor descriptor;
    std::function<void()> on_readable;
    bool ended = false;
  };

  static void arm(const std::shared_ptr<State>& state) {
    async_wait_readable(state->descriptor, [state](boost::system::error_code error) {
      if (error || state->ended) return;
      state->on_readable();
      if (!state->ended) arm(state);
    });
  }

  std::shared_ptr<State> state_;
};

}  // namespace

namespace {

std::mt19937_64 seeded() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

}  // namespace

struct AsioLoop::Body {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);
  std::unordered_map<TimerId, std::unique_ptr<asio::steady_timer>> timers;
  TimerId next_timer = 1;
  const SteadyTime made = std::chrono::steady_clock::now();
  std::mt19937_64 random = seeded();  // also behind identifiers: seeded with as much as they hold
  std::unique_ptr<asio::signal_set> signals;
  std::function<void(int)> on_signal;
  std::array<std::unique_ptr<ExecutorThread>, Loop::kExecutors> executors;
  std::map<std::uint32_t, std::unique_ptr<ExecutorThread>> lanes;  // beside the slicer executor, which is lane 0

  void wait_for_signal() {
    signals->async_wait([this](boost::system::error_code error, int number) {
      if (error) return;
      on_signal(number);
      wait_for_signal();
    });
  }
};

AsioLoop::AsioLoop() : body_(std::make_unique<Body>()) {
  for (std::size_t i = 0; i < Loop::kExecutors; ++i)
    body_->executors[i] = std::make_unique<ExecutorThread>(*this, kExecutorNames[i]);
}

AsioLoop::~AsioLoop() {
  for (auto& executor : body_->executors) executor.reset();
  body_->lanes.clear();
  body_->timers.clear();
}

SteadyTime AsioLoop::now() const {
  return std::chrono::steady_clock::now();
}

WallMs AsioLoop::wall_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::uint64_t AsioLoop::random() {
  return body_->random();
}

Loop::TimerId AsioLoop::after(Duration delay, Task task) {
  return at(now() + delay, std::move(task));
}

// At multiples of the delay since this loop was made: those of different processes fall apart.
Loop::TimerId AsioLoop::around(Duration delay, Task task) {
  if (delay <= Duration::zero()) return after(delay, std::move(task));
  const SteadyTime begin = now();
  const Duration past = (begin - body_->made) % delay;
  return at(begin + (past < delay / 2 ? delay : 2 * delay) - past, std::move(task));
}

Loop::TimerId AsioLoop::at(SteadyTime due, Task task) {
  const TimerId id = body_->next_timer++;
  auto& timer = body_->timers[id];
  timer = std::make_unique<asio::steady_timer>(body_->context, due);
  timer->async_wait([this, id, run = std::move(task)](boost::system::error_code error) {
    if (error || body_->timers.erase(id) == 0) return;  // cancelled, maybe while its completion was queued
    run();
  });
  return id;
}

void AsioLoop::cancel(TimerId timer) {
  body_->timers.erase(timer);
}

void AsioLoop::post(Task task) {
  asio::post(body_->context, std::move(task));
}

void AsioLoop::offload(Executor executor, Task work, Task done) {
  body_->executors[static_cast<std::size_t>(executor)]->submit(std::move(work), std::move(done));
}

void AsioLoop::offload_to_lane(std::uint32_t lane, Task work, Task done) {
  if (lane == 0) {
    offload(Executor::slicer, std::move(work), std::move(done));
    return;
  }
  auto& executor = body_->lanes[lane];
  if (!executor) executor = std::make_unique<ExecutorThread>(*this, fmt::format("slicer {}", lane));
  executor->submit(std::move(work), std::move(done));
}

std::string AsioLoop::waits_for() const {
  for (const auto& executor : body_->executors)
    if (!executor->waits_for().empty()) return executor->waits_for();
  for (const auto& [lane, executor] : body_->lanes)
    if (!executor->waits_for().empty()) return executor->waits_for();
  return {};
}

Result<void> AsioLoop::keep(std::initializer_list<Executor> executors) {
  for (const Executor executor : executors)
    RETURN_IF_ERROR(body_->executors[static_cast<std::size_t>(executor)]->keep());
  return {};
}

void AsioLoop::run() {
  body_->context.run();
}

void AsioLoop::stop() {
  body_->context.stop();
}

std::unique_ptr<AsioLoop::Watch> AsioLoop::watch_readable(int fd, std::function<void()> on_readable) {
  return std::make_unique<DescriptorWatch>(body_->context, fd, std::move(on_readable));
}

void AsioLoop::on_signals(std::function<void(int)> on_signal) {
  std::signal(SIGPIPE, SIG_IGN);
  body_->on_signal = std::move(on_signal);
  if (body_->signals) return;
  body_->signals = std::make_unique<asio::signal_set>(body_->context, SIGTERM, SIGINT);
  struct sigaction inherited {};
  if (sigaction(SIGHUP, nullptr, &inherited) == 0 && inherited.sa_handler != SIG_IGN) body_->signals->add(SIGHUP);
  body_->wait_for_signal();
}

asio::io_context& AsioLoop::context() {
  return body_->context;
}

}  // namespace slicemill
