#include "tests/simulation/sim_executor.h"

#include <atomic>
#include <csignal>
#include <deque>
#include <optional>
#include <utility>

namespace slicemill::simulation {
namespace {

class SimulatedExecutor final : public worker::SliceExecutor {
 public:
  SimulatedExecutor(World& world, Process& process, const SliceOdds& odds,
                    std::function<void(const wire::SliceOrder&)> on_begun, worker::MakeRunner make_runner,
                    std::unique_ptr<InFlightMarker> note, Hooks hooks)
      : world_(world),
        process_(process),
        odds_(odds),
        on_begun_(std::move(on_begun)),
        make_runner_(std::move(make_runner)),
        note_(std::move(note)),
        hooks_(std::move(hooks)) {}

  void add(std::vector<wire::SliceOrder> slices) override {
    for (auto& slice : slices) waiting_.push_back(std::move(slice));
    begin_next();
  }
  std::vector<wire::SliceResult> take_results() override {
    told_ = false;
    return std::exchange(results_, {});
  }
  std::vector<wire::HeldSlice> take_back(std::uint64_t keep) override {
    std::vector<wire::HeldSlice> taken;
    while (waiting_.size() > keep) {
      taken.push_back({waiting_.back().key, waiting_.back().attempt});
      waiting_.pop_back();
    }
    return taken;
  }
  std::vector<wire::HeldSlice> cancel(const std::vector<wire::HeldSlice>& slices) override {
    std::vector<wire::HeldSlice> forgotten;
    for (const auto& unwanted : slices) {
      const auto count = std::erase_if(waiting_, [&](const wire::SliceOrder& slice) {
        return slice.key == unwanted.key && slice.attempt == unwanted.attempt;
      });
      if (count > 0) forgotten.push_back(unwanted);
      // Some operations look only when they are done.
      if (running_ && running_->key == unwanted.key && running_->attempt == unwanted.attempt)
        cancel_ = world_.chance(0.5);
    }
    return forgotten;
  }
  std::vector<wire::HeldSlice> held() const override {
    std::vector<wire::HeldSlice> held;
    if (running_) held.push_back({running_->key, running_->attempt});
    for (const auto& slice : waiting_) held.push_back({slice.key, slice.attempt});
    return held;
  }
  std::uint64_t unfinished() const override {
    std::uint64_t count = waiting_.size() + (running_ ? 1 : 0);
    for (const auto& result : results_) count += result.count;
    return count;
  }
  bool idle() const override { return waiting_.empty() && !running_ && results_.empty(); }
  bool running() const override { return running_.has_value(); }

 private:
  void later(Nanoseconds delay, void (SimulatedExecutor::*what)()) {
    process_.loop.after(Duration(delay), [this, what, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) (this->*what)();
    });
  }

  void begin_next() {
    if (running_ || waiting_.empty() || !may_begin()) return;
    running_ = std::move(waiting_.front());
    waiting_.pop_front();
    cancel_ = false;
    if (note_)
      note_->begin({running_->key.generation, running_->key.slicer, running_->key.order, running_->key.path,
                    running_->attempt.epoch, running_->attempt.n});
    if (!world_.step(process_, "slice.begun")) return;
    on_begun_(*running_);
    takes_ = world_.between(200 * kMicrosecond, 40 * kMillisecond);
    if (world_.chance(odds_.straggles)) takes_ *= 100;
    later(takes_, &SimulatedExecutor::finish);
  }

  bool may_begin() {
    if (runner_) return true;
    auto made = make_runner_();
    if (!made) {
      hooks_.on_no_runner(made.error());
      return false;
    }
    runner_ = std::move(*made);
    return true;
  }

  void finish() {
    if (world_.chance(odds_.kills)) {
      world_.kill(process_, SIGSEGV);
      return;
    }
    wire::SliceResult result;
    if (world_.chance(odds_.fails)) {
      result.key = running_->key;
      result.attempt = running_->attempt;
      result.outcome = wire::Outcome::failed;
      result.error = "it failed by chance";
    } else {
      result = runner_->run(*running_, &cancel_);
    }
    if (!world_.step(process_, "slice.finished")) return;
    if (note_) note_->end();
    result.busy_us = static_cast<std::uint64_t>(takes_ / kMicrosecond);
    worker::append_result(results_, std::move(result), *running_);
    running_.reset();
    // At once, or when some have gathered.
    if (!std::exchange(told_, true))
      later(world_.chance(0.5) ? kMicrosecond : world_.between(kMicrosecond, 100 * kMillisecond),
            &SimulatedExecutor::tell);
    begin_next();
  }

  void tell() { hooks_.on_results(); }

  World& world_;
  Process& process_;
  const SliceOdds& odds_;
  std::function<void(const wire::SliceOrder&)> on_begun_;
  worker::MakeRunner make_runner_;
  std::unique_ptr<InFlightMarker> note_;
  Hooks hooks_;
  std::unique_ptr<SliceRunner> runner_;
  std::deque<wire::SliceOrder> waiting_;
  std::optional<wire::SliceOrder> running_;
  std::vector<wire::SliceResult> results_;
  Nanoseconds takes_ = 0;
  bool told_ = false;
  std::atomic<bool> cancel_{false};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<worker::SliceExecutor> make_simulated_executor(World& world, Process& process, const SliceOdds& odds,
                                                               std::function<void(const wire::SliceOrder&)> on_begun,
                                                               worker::MakeRunner make_runner,
                                                               std::unique_ptr<InFlightMarker> note,
                                                               worker::SliceExecutor::Hooks hooks) {
  return std::make_unique<SimulatedExecutor>(world, process, odds, std::move(on_begun), std::move(make_runner),
                                             std::move(note), std::move(hooks));
}

}  // namespace slicemill::simulation
