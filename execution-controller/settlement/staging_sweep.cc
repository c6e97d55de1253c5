#include "execution-controller/settlement/staging_sweep.h"

namespace slicemill::controller {

StagingSweep::StagingSweep(Loop& loop, OutputPublisher& publisher, std::uint64_t epoch)
    : loop_(loop), publisher_(publisher), epoch_(epoch) {}

void StagingSweep::begin() {
  if (begun_) return;
  begun_ = true;
  sweep();
}

void StagingSweep::lost(const std::vector<StagedAttempt>& attempts) {
  if (attempts.empty()) return;
  lost_.insert(attempts.begin(), attempts.end());
  if (begun_) sweep();
}

// One sweep at a time: what is lost meanwhile is the next one's.
void StagingSweep::sweep() {
  if (sweeping_) return;
  sweeping_ = true;
  auto lost = std::make_shared<std::set<StagedAttempt>>(std::exchange(lost_, {}));
  auto kept = std::make_shared<std::set<StagedAttempt>>(kept_);
  auto work = [this, lost, kept, epoch = epoch_] {
    publisher_.sweep([&](const SliceKey& key, const Attempt& attempt) {
      if (lost->contains({key, attempt})) return false;
      return attempt.epoch >= epoch || kept->contains({key, attempt});
    });
  };
  loop_.offload(Loop::Executor::publish, std::move(work), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    sweeping_ = false;
    if (!lost_.empty()) sweep();
  });
}

}  // namespace slicemill::controller
