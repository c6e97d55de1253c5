#include "execution-controller/reporting/progress_meter.h"

#include <algorithm>
#include <cmath>

namespace slicemill::controller {
namespace {

constexpr double kRateSeconds = 5;      // a shown rate is over so many at least, if there are so many
constexpr double kLongestWindow = 30;   // seconds without anything done
constexpr double kLongestSilence = 10;  // seconds: nobody looked, and what was before says nothing of now
constexpr double kSettlingSeconds = 3;  // in which the expected end follows the rates, so that it does not jump
constexpr double kLeastSpread = 0.02;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

ProgressSample difference(const ProgressSample& later, const ProgressSample& earlier) {
  const auto grown = [](std::uint64_t after, std::uint64_t before) { return after - std::min(after, before); };
  return {grown(later.records, earlier.records), grown(later.bytes, earlier.bytes), grown(later.done, earlier.done)};
}

}  // namespace

void ProgressMeter::rest() {
  *this = {};
}

ProgressMeter::Window ProgressMeter::open_window() const {
  return {seconds(latest_ - begin_), difference(latest_sample_, begin_sample_)};
}

void ProgressMeter::add(SteadyTime now, const ProgressSample& sample, std::optional<std::uint64_t> left) {
  if (has_begun_ && seconds(now - latest_) > kLongestSilence) rest();
  if (!has_begun_) {
    has_begun_ = true;
    begin_ = latest_ = now;
    begin_sample_ = latest_sample_ = sample;
    return;
  }
  const double step_s = seconds(now - latest_);
  latest_ = now;
  latest_sample_ = sample;
  const Window window = open_window();
  const bool is_over = window.seconds >= seconds(kWindow) && (window.grown.done > 0 || window.grown.records > 0);
  if (is_over || window.seconds >= kLongestWindow) {
    windows_.push_back(window);
    if (windows_.size() > kMostWindows) windows_.pop_front();
    begin_ = now;
    begin_sample_ = sample;
  }
  estimate(step_s, left);
}

std::optional<double> ProgressMeter::rate(std::uint64_t ProgressSample::*what) const {
  if (windows_.empty()) return std::nullopt;
  const Window open = open_window();
  double time = open.seconds;
  std::uint64_t sum = open.grown.*what;
  for (auto window = windows_.rbegin(); window != windows_.rend() && time < kRateSeconds; ++window) {
    time += window->seconds;
    sum += window->grown.*what;
  }
  return static_cast<double>(sum) / time;
}

void ProgressMeter::estimate(double step_s, std::optional<std::uint64_t> left) {
  if (!left || windows_.size() < kFewestWindows) {
    remaining_.reset();
    return;
  }
  const Window open = open_window();
  double closed_s = 0, closed_done = 0;
  for (const Window& window : windows_) {
    closed_s += window.seconds;
    closed_done += static_cast<double>(window.grown.done);
  }
  // What was done in the open window is none of the past, but its time is, should nothing get on.
  const double mean = (closed_done + static_cast<double>(open.grown.done)) / (closed_s + open.seconds);
  if (mean <= 0) {
    remaining_.reset();
    return;
  }
  double variance = 0;
  for (const Window& window : windows_) {
    const double apart = static_cast<double>(window.grown.done) / window.seconds - mean;
    variance += apart * apart * window.seconds / closed_s;
  }
  const double error = 2 * std::sqrt(variance / static_cast<double>(windows_.size()));
  const double spread = std::max(error, kLeastSpread * mean);
  const double expected = static_cast<double>(*left) / mean;
  if (remaining_) {
    const double before = std::max(0.0, remaining_->expected - step_s);
    const double share = 1 - std::exp(-step_s / kSettlingSeconds);
    remaining_->expected = before + (expected - before) * share;
  } else {
    remaining_ = RemainingTime{.expected = expected};
  }
  remaining_->low = remaining_->expected * mean / (mean + spread);
  remaining_->high = remaining_->expected * mean / std::max(mean - spread, mean / 10);
}

}  // namespace slicemill::controller
