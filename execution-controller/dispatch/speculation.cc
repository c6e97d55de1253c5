#include "execution-controller/dispatch/speculation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/runtime/log.h"
#include "core/runtime/mutation.h"

namespace slicemill::controller {

std::size_t SpeculationPolicy::most_second_attempts(std::size_t workers) const {
  return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(workers) * most_percent / 100));
}

std::optional<std::uint64_t> SliceTimes::median_us() const {
  const auto known = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(count_, times_.size()));
  if (known < static_cast<std::ptrdiff_t>(kLeast)) return std::nullopt;
  auto times = times_;
  std::nth_element(times.begin(), times.begin() + known / 2, times.begin() + known);
  return times[static_cast<std::size_t>(known / 2)];
}

Speculation::Speculation(Loop& loop, WorkerTable& workers, WorkerLevels& levels, LeaseTable& leases,
                         const Options& options, Hooks hooks)
    : loop_(loop), workers_(workers), levels_(levels), leases_(leases), options_(options), hooks_(std::move(hooks)) {}

Speculation::~Speculation() {
  loop_.cancel(wake_.timer);
}

std::optional<Duration> SpeculationPolicy::patience(const SliceTimes& times) const {
  const auto median = times.median_us();
  if (!median) return std::nullopt;
  const auto slow = std::chrono::microseconds(static_cast<std::int64_t>(static_cast<double>(*median) * multiplier));
  return std::max<Duration>(slow, std::chrono::milliseconds(least_ms));
}

void Speculation::help() {
  const auto limit = options_.policy.patience(times_);
  if (!limit) return;
  std::optional<SteadyTime> next;
  for (auto& [number, slow] : workers_.all()) {
    if (slow.outstanding == 0 || slow.doubled || slow.alone || slow.peer == 0) continue;
    if (second_.size() >= options_.policy.most_second_attempts(workers_.size())) return;
    Worker* idle = workers_.idle(hooks_.may_be_given);
    if (idle == nullptr) return;
    const SteadyTime due = slow.since + *limit;
    if (due > loop_.now())
      next = next ? std::min(*next, due) : due;
    else
      give_second(slow, *idle);
  }
  if (!next || (wake_.timer != 0 && wake_.due <= *next)) return;
  loop_.cancel(wake_.timer);
  wake_.due = *next;
  wake_.timer = loop_.after(*next - loop_.now(), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    wake_.timer = 0;
    hooks_.on_patience_over();
  });
}

// The oldest slice of the slow one is the one that runs; those behind it need not wait for it. If they do not come back
// either, because the worker does not even hear, they get their second attempts one after the other.
void Speculation::give_second(Worker& slow, Worker& idle) {
  LeaseTable::Single* oldest = leases_.oldest_undoubled(slow.number);
  if (oldest == nullptr || oldest->slice.crashes > 0) {
    slow.doubled = true;
    return;
  }
  if (slow.outstanding > 1 && !slow.recall) levels_.recall(slow, 0);
  slow.slow = true;
  ActiveSlice& slice = oldest->slice;
  const Attempt attempt{options_.epoch, ++slice.tries};
  if (!hooks_.order(idle, slice, attempt)) return;
  log(LogLevel::info, "slice {}/{} takes {} far longer than others; {} tries it too", slice.key.slicer, slice.key.order,
      slow.id, idle.id);
  oldest->doubled = true;
  slow.since = loop_.now();
  idle.doubled = true;
  second_[slice.key] = {attempt, idle.number};
  ++counts_.begun;
}

bool Speculation::holds(const Worker& worker, const SliceKey& key, const Attempt& attempt) const {
  return leases_.holder(key) == LeaseTable::Holder{worker.number, attempt};
}

bool Speculation::has(const Worker& worker, const SliceKey& key, const Attempt& attempt) const {
  const auto found = second_.find(key);
  if (found != second_.end() && found->second.worker == worker.number && found->second.attempt == attempt) return true;
  const auto revoked = revoked_.find({key, attempt});
  return revoked != revoked_.end() && revoked->second == worker.number;
}

void Speculation::promote(const SliceKey& key) {
  const auto found = second_.find(key);
  LeaseTable::Single& lease = leases_.single(key);
  lease.worker = found->second.worker;
  lease.slice.attempt = found->second.attempt;
  second_.erase(found);
}

// Nobody wants this attempt any more. Its worker may not look for a while whether it is still wanted; one that never
// does is as good as lost.
void Speculation::revoke(const SliceKey& key, const Attempt& attempt, WorkerNumber number) {
  revoked_[{key, attempt}] = number;
  if (Worker* worker = workers_.find(number)) levels_.revoke(*worker, {key, attempt});
  loop_.after(std::chrono::milliseconds(options_.lease_ms), [this, key, attempt, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    const auto still = revoked_.find({key, attempt});
    if (still != revoked_.end()) kill_stubborn(still->second);
  });
}

void Speculation::kill_stubborn(WorkerNumber number) {
  const Worker* worker = workers_.find(number);
  if (worker == nullptr || worker->process.pid == 0) return;
  hooks_.on_lost(worker->process, "it does not let go of a slice that is done");
  workers_.kill(*worker);
}

void Speculation::end_revoked() {
  for (const auto& [attempt, number] : revoked_)
    if (const Worker* worker = workers_.find(number)) workers_.kill(*worker);
}

bool Speculation::take(Worker& worker, const wire::SliceResult& result) {
  const bool completed = result.outcome == wire::Outcome::completed;
  if (const auto revoked = revoked_.find({result.key, result.attempt});
      revoked != revoked_.end() && revoked->second == worker.number) {
    revoked_.erase(revoked);
    if (worker.outstanding > 0) --worker.outstanding;
    if (SLICEMILL_MUTATED("settle_both_attempts") && completed) {
      ActiveSlice slice;
      slice.key = result.key;
      slice.attempt = result.attempt;
      hooks_.on_settled_twice(std::move(slice), result);
      return true;
    }
    if (completed) hooks_.on_refused();
    hooks_.on_attempts_lost({{result.key, result.attempt}});
    return true;
  }
  const auto found = second_.find(result.key);
  if (found == second_.end()) return false;
  const bool is_lease = holds(worker, result.key, result.attempt);
  if (!is_lease && !has(worker, result.key, result.attempt)) return false;
  if (!completed) {  // the other one goes on
    if (is_lease)
      promote(result.key);
    else
      second_.erase(found);
    if (worker.outstanding > 0) --worker.outstanding;
    return true;
  }
  if (is_lease) {
    const auto loser = found->second;
    second_.erase(found);
    revoke(result.key, loser.attempt, loser.worker);
  } else {
    const LeaseTable::Single& lease = leases_.single(result.key);
    const LeaseTable::Holder loser{lease.worker, lease.slice.attempt};
    promote(result.key);
    ++counts_.won;
    revoke(result.key, loser.attempt, loser.worker);
  }
  return false;
}

bool Speculation::drop(Worker& worker, const wire::HeldSlice& held) {
  const auto found = second_.find(held.key);
  if (has(worker, held.key, held.attempt)) {
    if (found != second_.end() && found->second.attempt == held.attempt) second_.erase(found);
    revoked_.erase({held.key, held.attempt});
  } else if (found != second_.end() && holds(worker, held.key, held.attempt)) {
    promote(held.key);
  } else {
    return false;
  }
  if (worker.outstanding > 0) --worker.outstanding;
  return true;
}

void Speculation::drop_all(WorkerNumber number, const std::vector<wire::HeldSlice>& kept, SliceAttempts& lost) {
  const auto is_kept = [&](const SliceKey& key, const Attempt& attempt) {
    return std::find(kept.begin(), kept.end(), wire::HeldSlice{key, attempt}) != kept.end();
  };
  std::vector<SliceKey> ended, promoted;
  for (const auto& [key, second] : second_) {
    const LeaseTable::Single& lease = leases_.single(key);
    if (second.worker == number && !is_kept(key, second.attempt)) {
      ended.push_back(key);
      lost.emplace_back(key, second.attempt);
    } else if (lease.worker == number && !is_kept(key, lease.slice.attempt)) {
      promoted.push_back(key);
      lost.emplace_back(key, lease.slice.attempt);
    }
  }
  for (const auto& key : ended) second_.erase(key);
  for (const auto& key : promoted) {
    promote(key);
    if (SLICEMILL_MUTATED("forget_promoted")) (void)leases_.take(key);
  }
  std::erase_if(revoked_, [&](const auto& revoked) {
    if (revoked.second != number || is_kept(revoked.first.first, revoked.first.second)) return false;
    lost.push_back(revoked.first);
    return true;
  });
}

std::uint64_t Speculation::held_by(WorkerNumber number) const {
  const auto second =
      std::count_if(second_.begin(), second_.end(), [&](const auto& entry) { return entry.second.worker == number; });
  const auto revoked =
      std::count_if(revoked_.begin(), revoked_.end(), [&](const auto& entry) { return entry.second == number; });
  return static_cast<std::uint64_t>(second + revoked);
}

std::vector<wire::HeldSlice> Speculation::revoked_of(WorkerNumber number) const {
  std::vector<wire::HeldSlice> slices;
  for (const auto& [attempt, holder] : revoked_)
    if (holder == number) slices.push_back({attempt.first, attempt.second});
  return slices;
}

void Speculation::clear() {
  second_.clear();
  revoked_.clear();
}

}  // namespace slicemill::controller
