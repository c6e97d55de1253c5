#include "master/job_turns.h"

#include <utility>

namespace slicemill::master {

void JobTurns::enter(const JobId& id, Work work) {
  const auto [turn, is_first] = waiting_.try_emplace(id);
  if (is_first) return begin(id, work);
  turn->second.push_back(std::move(work));
}

void JobTurns::begin(const JobId& id, const Work& work) {
  work(Turn(nullptr, [this, id, alive = std::weak_ptr<int>(alive_)](void*) {
    if (!alive.expired()) end(id);
  }));
}

// The next one does not begin within the end of this one, which may be anywhere.
void JobTurns::end(const JobId& id) {
  if (waiting_.at(id).empty()) {
    waiting_.erase(id);
    return;
  }
  loop_.post([this, id, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    const Work next = std::move(waiting_.at(id).front());
    waiting_.at(id).pop_front();
    begin(id, next);
  });
}

}  // namespace slicemill::master
