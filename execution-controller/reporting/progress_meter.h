// How fast work gets on, over a sliding window, and when it will be done. Pure; the caller has the clock. Loop thread.
//
// A window ends when half a second is over and something was done: slices that take longer make longer windows. What is
// left is told from the rate of the last windows, with a band from how much they differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "core/model/stats.h"
#include "core/runtime/clock.h"

namespace slicemill::controller {

// Absolute values, which only rise.
struct ProgressSample {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t done = 0;  // in the unit that the work is measured in
};

class ProgressMeter {
 public:
  static constexpr Duration kWindow = std::chrono::milliseconds(500);
  static constexpr std::size_t kMostWindows = 60;
  static constexpr std::size_t kFewestWindows = 5;  // before anything is said of what is left

  // left: what there is still to be done; nothing: not known.
  void add(SteadyTime now, const ProgressSample& sample, std::optional<std::uint64_t> left);
  // Nothing is to be done at present: what follows is measured anew.
  void rest();

  // Over the last seconds; nothing: not known yet.
  std::optional<double> records_per_second() const { return rate(&ProgressSample::records); }
  std::optional<double> bytes_per_second() const { return rate(&ProgressSample::bytes); }
  std::optional<RemainingTime> remaining() const { return remaining_; }

 private:
  struct Window {
    double seconds = 0;
    ProgressSample grown;
  };

  Window open_window() const;
  std::optional<double> rate(std::uint64_t ProgressSample::*what) const;
  void estimate(double step_s, std::optional<std::uint64_t> left);

  std::deque<Window> windows_;
  bool has_begun_ = false;
  SteadyTime begin_{};  // of the open window
  ProgressSample begin_sample_;
  SteadyTime latest_{};
  ProgressSample latest_sample_;
  std::optional<RemainingTime> remaining_;
};

}  // namespace slicemill::controller
