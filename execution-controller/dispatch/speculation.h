// WHEN A SLICE RUNS TWICE. Slices that run far longer than their peers get a second attempt on a worker that would
// idle; what is delivered first is taken, and the other attempt is revoked: it is told to give up, and whatever it says
// is refused. Pure; loop thread. The dispatcher asks, and does the sending (dispatcher_speculation.cc).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "core/model/slice.h"
#include "core/runtime/json.h"
#include "core/runtime/loop.h"

namespace slicemill::controller {

struct SpeculationPolicy {
  bool enabled = false;
  double multiplier = 3;      // of the median of the latest slices
  std::int64_t least_ms = 0;  // a slice that runs shorter is never too slow
  double most_percent = 0;    // of the workers, for second attempts at one time; one worker always may

  static SpeculationPolicy of(const Json& job);
  std::size_t most_second_attempts(std::size_t workers) const;
};

// How long slices took lately.
class SliceTimes {
 public:
  static constexpr std::size_t kLeast = 5;  // fewer are no peers to judge by

  void add(std::uint64_t us) { times_[count_++ % times_.size()] = us; }
  std::optional<std::uint64_t> median_us() const;

 private:
  std::array<std::uint64_t, 128> times_{};
  std::uint64_t count_ = 0;
};

struct SpeculationCounts {
  std::uint64_t begun = 0;  // second attempts
  std::uint64_t won = 0;    // of these: delivered before the first attempt
};

// A slice under way twice has its lease, for one attempt, and a double here, for the other.
class Speculation {
 public:
  using WorkerNumber = std::uint64_t;
  struct SecondAttempt {
    Attempt attempt;
    WorkerNumber worker = 0;
  };

  explicit Speculation(const SpeculationPolicy& of_job) : policy(of_job) {}

  // How long a slice may run before it is too slow. Nothing: there is nothing to compare with.
  std::optional<Duration> patience() const;

  const SpeculationPolicy policy;
  SliceTimes times;
  SpeculationCounts counts;
  std::map<SliceKey, SecondAttempt> second_attempts;
  std::map<std::pair<SliceKey, Attempt>, WorkerNumber> revoked;  // their workers have not let go of them yet
  Loop::TimerId timer = 0;                                       // for the next slice to become too slow
  SteadyTime due;                                                // of the timer
};

}  // namespace slicemill::controller
