// WHEN A SLICE RUNS TWICE. Slices that run far longer than their peers get a second attempt on a worker that would
// idle; what is delivered first is taken, and the other attempt is revoked: it is told to give up, and whatever it says
// is refused. Loop thread; the dispatcher asks.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/model/job_spec.h"
#include "core/model/slice.h"
#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/dispatch/lease_table.h"
#include "execution-controller/dispatch/worker_levels.h"
#include "execution-controller/dispatch/worker_table.h"

namespace slicemill::controller {

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

struct SpeculationPolicy : SpeculationSettings {
  std::size_t most_second_attempts(std::size_t workers) const;
  // How long a slice may run before it is too slow. Nothing: there is nothing to compare with.
  std::optional<Duration> patience(const SliceTimes& times) const;
};

// A slice under way twice has its lease, for one attempt, and a second attempt here, for the other. The lease stays the
// one place that says whose result counts: the second attempt becomes the lease when it delivers first, or when the
// first one fails or is lost. A failed attempt whose sibling goes on is charged to nobody, so a slice gets one second
// attempt per lease: what then happens to the last attempt counts as ever.
class Speculation {
 public:
  struct Hooks {
    // Orders the slice from this worker under this attempt; false: the order could not be sent.
    std::function<bool(Worker&, const ActiveSlice&, const Attempt&)> order;
    std::function<bool(const Worker&)> may_be_given;
    std::function<void()> on_patience_over;  // maybe a slice is too slow now
    std::function<void()> on_refused;        // a completed result of an attempt that does not count
    std::function<void(const SliceAttempts&)> on_attempts_lost;
    std::function<void(const ProcessIdentity&, const std::string&)> on_lost;      // its worker does not let go
    std::function<void(ActiveSlice, const wire::SliceResult&)> on_settled_twice;  // planted fault only
  };

  struct Options {
    SpeculationPolicy policy;
    std::uint64_t epoch = 1;
    std::int64_t lease_ms = 5'000;  // a worker that does not let go of a revoked attempt for so long is lost
  };

  Speculation(Loop& loop, WorkerTable& workers, WorkerLevels& levels, LeaseTable& leases, const Options& options,
              Hooks hooks);
  ~Speculation();

  // Work is left for nobody, somebody idles: whoever is too slow gets help. If nobody is yet, a timer waits for that.
  void help();
  // How long a slice took.
  void measured(std::uint64_t us) { times_.add(us); }

  // This attempt of the slice is not its lease, and this worker has it: as the second attempt, or revoked.
  bool has(const Worker& worker, const SliceKey& key, const Attempt& attempt) const;
  bool is_revoked(const SliceKey& key, const Attempt& attempt) const { return revoked_.contains({key, attempt}); }
  // True: the result is of an attempt that does not count, and is dealt with. Otherwise it is to be taken as ever.
  bool take(Worker& worker, const wire::SliceResult& result);
  // It will never run there: what was given back, or did not arrive. False: it is not of two attempts.
  bool drop(Worker& worker, const wire::HeldSlice& held);
  // The worker is gone, or has nothing but `kept`. The attempts that ended are added to `lost`.
  void drop_all(WorkerNumber number, const std::vector<wire::HeldSlice>& kept, SliceAttempts& lost);
  // What the worker has beside its leases.
  std::uint64_t held_by(WorkerNumber number) const;
  std::vector<wire::HeldSlice> revoked_of(WorkerNumber number) const;
  // Attempts that nobody wants any more and that still run.
  std::size_t revoked() const { return revoked_.size(); }
  // Nothing else is left to wait for: workers that do not let go of them are killed.
  void end_revoked();
  // All leases were broken.
  void clear();
  SpeculationCounts counts() const { return counts_; }

 private:
  struct Wake {
    Loop::TimerId timer = 0;
    SteadyTime due;
  };
  struct SecondAttempt {
    Attempt attempt;
    WorkerNumber worker = 0;
  };

  void give_second(Worker& slow, Worker& idle);
  bool holds(const Worker& worker, const SliceKey& key, const Attempt& attempt) const;
  // The second attempt is the lease from now on.
  void promote(const SliceKey& key);
  void revoke(const SliceKey& key, const Attempt& attempt, WorkerNumber number);
  void kill_stubborn(WorkerNumber number);

  Loop& loop_;
  WorkerTable& workers_;
  WorkerLevels& levels_;
  LeaseTable& leases_;
  const Options options_;
  const Hooks hooks_;
  SliceTimes times_;
  SpeculationCounts counts_;
  std::map<SliceKey, SecondAttempt> second_;
  std::map<std::pair<SliceKey, Attempt>, WorkerNumber> revoked_;  // their workers have not let go of them yet
  Wake wake_;                                                     // for the next slice to become too slow
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
