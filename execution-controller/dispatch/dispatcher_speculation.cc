// Dispatcher, third part: slices under way twice (see speculation.h).
//
// The lease stays the one place that says whose result counts. A double waits beside it; it becomes the lease when it
// delivers first, or when the first attempt fails or is lost. A failed attempt whose sibling goes on is charged to
// nobody, so a slice gets one double per lease: what then happens to the last attempt counts as ever.
#include <algorithm>

#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/dispatch/dispatcher.h"

namespace slicemill::controller {

// Work is left for nobody, somebody idles, and somebody is too slow. If nobody is yet, a timer waits for that.
void Dispatcher::speculate() {
  if (!speculation_ || !queue_.empty() || !isolated_.empty() || leases_.size() == 0) return;
  const auto patience = speculation_->patience();
  if (!patience) return;
  std::optional<SteadyTime> next;
  for (auto& [number, slow] : workers_) {
    if (slow.outstanding == 0 || slow.doubled || slow.alone || slow.peer == 0) continue;
    if (speculation_->second_attempts.size() >= speculation_->policy.most_second_attempts(workers_.size())) return;
    const auto idle = std::find_if(workers_.begin(), workers_.end(),
                                   [&](const auto& w) { return w.second.outstanding == 0 && credit(w.second) > 0; });
    if (idle == workers_.end()) return;
    const SteadyTime due = slow.since + *patience;
    if (due > loop_.now())
      next = next ? std::min(*next, due) : due;
    else
      give_double(slow, idle->second);
  }
  if (!next || (speculation_->timer != 0 && speculation_->due <= *next)) return;
  loop_.cancel(speculation_->timer);
  speculation_->due = *next;
  speculation_->timer = loop_.after(*next - loop_.now(), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    speculation_->timer = 0;
    pump();
  });
}

// The oldest slice of the slow one is the one that runs; those behind it need not wait for it. If they do not come back
// either, because the worker does not even hear, they get their second attempts one after the other.
void Dispatcher::give_double(Worker& slow, Worker& idle) {
  LeaseTable::Single* oldest = leases_.oldest_undoubled(slow.number);
  if (oldest == nullptr || oldest->slice.crashes > 0) {
    slow.doubled = true;
    return;
  }
  if (slow.outstanding > 1 && !slow.recall) recall(slow, 0);
  slow.slow = true;
  ActiveSlice& slice = oldest->slice;
  wire::Dispatch dispatch{.epoch = options_.epoch, .slices = {order_of(slice)}};
  const Attempt attempt{options_.epoch, ++slice.tries};
  dispatch.slices[0].attempt = attempt;
  if (send(idle, dispatch) != ServerChannel::Sent::ok) {
    idle.blocked = true;
    return;
  }
  log(LogLevel::info, "slice {}/{} takes {} far longer than others; {} tries it too", slice.key.slicer, slice.key.order,
      slow.id, idle.id);
  oldest->doubled = true;
  slow.since = loop_.now();
  idle.ordered = loop_.now();
  idle.none_waits = false;
  ++idle.outstanding;
  begins(idle, idle.ordered);
  idle.doubled = true;
  speculation_->second_attempts[slice.key] = {attempt, idle.number};
  ++speculation_->counts.begun;
  if (!fault("doubled")) hooks_.on_fatal(Error(ErrorCode::io, "fault point doubled fired"));
}

bool Dispatcher::is_second_attempt(const Worker& worker, const SliceKey& key, const Attempt& attempt) const {
  if (!speculation_) return false;
  const auto found = speculation_->second_attempts.find(key);
  if (found != speculation_->second_attempts.end() && found->second.worker == worker.number &&
      found->second.attempt == attempt)
    return true;
  const auto revoked = speculation_->revoked.find({key, attempt});
  return revoked != speculation_->revoked.end() && revoked->second == worker.number;
}

// The double is the lease from now on.
void Dispatcher::promote(const SliceKey& key) {
  const auto found = speculation_->second_attempts.find(key);
  LeaseTable::Single& lease = leases_.single(key);
  lease.worker = found->second.worker;
  lease.slice.attempt = found->second.attempt;
  speculation_->second_attempts.erase(found);
}

// Nobody wants this attempt any more. Its worker may not look for a while whether it is still wanted; one that never
// does is as good as lost.
void Dispatcher::revoke(const SliceKey& key, const Attempt& attempt, WorkerNumber number) {
  speculation_->revoked[{key, attempt}] = number;
  if (const auto found = workers_.find(number); found != workers_.end())
    tell(found->second, wire::Cancel{options_.epoch, {{key, attempt}}});
  loop_.after(std::chrono::milliseconds(options_.settings.lease_ms),
              [this, key, attempt, alive = std::weak_ptr<bool>(alive_)] {
                if (alive.expired()) return;
                const auto still = speculation_->revoked.find({key, attempt});
                if (still != speculation_->revoked.end()) kill_revoked(still->second);
              });
}

void Dispatcher::kill_revoked(WorkerNumber number) {
  const auto found = workers_.find(number);
  if (found == workers_.end() || monitor_ == nullptr || found->second.process.pid == 0) return;
  hooks_.on_lost(found->second.process, "it does not let go of a slice that is done");
  monitor_->kill(found->second.process);
}

void Dispatcher::end_revoked() {
  if (!speculation_) return;
  for (const auto& [attempt, number] : speculation_->revoked)
    if (const auto found = workers_.find(number); found != workers_.end() && monitor_ != nullptr)
      monitor_->kill(found->second.process);
}

// True: the result is of an attempt that does not count, and is dealt with. Otherwise it is to be taken as ever.
bool Dispatcher::take_of_two(Worker& worker, const wire::SliceResult& result) {
  const bool completed = result.outcome == wire::Outcome::completed;
  if (const auto revoked = speculation_->revoked.find({result.key, result.attempt});
      revoked != speculation_->revoked.end() && revoked->second == worker.number) {
    speculation_->revoked.erase(revoked);
    if (worker.outstanding > 0) --worker.outstanding;
    if (SLICEMILL_MUTATED("settle_both_attempts") && completed) {
      ActiveSlice slice;
      slice.key = result.key;
      slice.attempt = result.attempt;
      hooks_.on_result(std::move(slice), result);
      return true;
    }
    if (completed) hooks_.on_refused();
    hooks_.on_attempts_lost({{result.key, result.attempt}});
    return true;
  }
  const auto found = speculation_->second_attempts.find(result.key);
  if (found == speculation_->second_attempts.end()) return false;
  const bool is_lease = holds(worker, result.key, result.attempt);
  if (!is_lease && !is_second_attempt(worker, result.key, result.attempt)) return false;
  if (!completed) {  // the other one goes on
    if (is_lease)
      promote(result.key);
    else
      speculation_->second_attempts.erase(found);
    if (worker.outstanding > 0) --worker.outstanding;
    return true;
  }
  if (is_lease) {
    const auto loser = found->second;
    speculation_->second_attempts.erase(found);
    revoke(result.key, loser.attempt, loser.worker);
  } else {
    const LeaseTable::Single& lease = leases_.single(result.key);
    const LeaseTable::Holder loser{lease.worker, lease.slice.attempt};
    promote(result.key);
    ++speculation_->counts.won;
    revoke(result.key, loser.attempt, loser.worker);
  }
  return false;
}

// It will never run there: what was given back, or did not arrive.
bool Dispatcher::drop_double(Worker& worker, const wire::HeldSlice& held) {
  if (!speculation_) return false;
  const auto found = speculation_->second_attempts.find(held.key);
  if (is_second_attempt(worker, held.key, held.attempt)) {
    if (found != speculation_->second_attempts.end() && found->second.attempt == held.attempt)
      speculation_->second_attempts.erase(found);
    speculation_->revoked.erase({held.key, held.attempt});
  } else if (found != speculation_->second_attempts.end() && holds(worker, held.key, held.attempt)) {
    promote(held.key);
  } else {
    return false;
  }
  if (worker.outstanding > 0) --worker.outstanding;
  return true;
}

// The worker is gone, or has nothing but `kept`. The attempts that ended are added to `lost`.
void Dispatcher::drop_second_attempts(WorkerNumber number, const std::vector<wire::HeldSlice>& kept,
                                      std::vector<std::pair<SliceKey, Attempt>>& lost) {
  if (!speculation_) return;
  const auto is_kept = [&](const SliceKey& key, const Attempt& attempt) {
    return std::find(kept.begin(), kept.end(), wire::HeldSlice{key, attempt}) != kept.end();
  };
  std::vector<SliceKey> ended, promoted;
  for (const auto& [key, attempt] : speculation_->second_attempts) {
    const LeaseTable::Single& lease = leases_.single(key);
    if (attempt.worker == number && !is_kept(key, attempt.attempt)) {
      ended.push_back(key);
      lost.emplace_back(key, attempt.attempt);
    } else if (lease.worker == number && !is_kept(key, lease.slice.attempt)) {
      promoted.push_back(key);
      lost.emplace_back(key, lease.slice.attempt);
    }
  }
  for (const auto& key : ended) speculation_->second_attempts.erase(key);
  for (const auto& key : promoted) {
    promote(key);
    if (SLICEMILL_MUTATED("forget_promoted")) (void)leases_.take(key);
  }
  std::erase_if(speculation_->revoked, [&](const auto& revoked) {
    if (revoked.second != number || is_kept(revoked.first.first, revoked.first.second)) return false;
    lost.push_back(revoked.first);
    return true;
  });
}

std::uint64_t Dispatcher::second_attempts_of(WorkerNumber number) const {
  if (!speculation_) return 0;
  const auto second = std::count_if(speculation_->second_attempts.begin(), speculation_->second_attempts.end(),
                                    [&](const auto& attempt) { return attempt.second.worker == number; });
  const auto revoked = std::count_if(speculation_->revoked.begin(), speculation_->revoked.end(),
                                     [&](const auto& attempt) { return attempt.second == number; });
  return static_cast<std::uint64_t>(second + revoked);
}

}  // namespace slicemill::controller
