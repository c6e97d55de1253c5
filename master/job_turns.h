// One change of a job at a time. Whoever changes a job reads it, works on it, maybe for long and beside the loop, and
// writes it, all in one turn; so no change is lost to another one that read the job before. Turns of one job come in
// the order in which they were asked for; those of different jobs do not wait for each other.
//
// Owner: MasterService; loop thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "core/runtime/ids.h"
#include "core/runtime/loop.h"

namespace slicemill::master {

class JobTurns {
 public:
  // Lasts as long as a copy of it.
  using Turn = std::shared_ptr<void>;
  using Work = std::function<void(Turn)>;

  explicit JobTurns(Loop& loop) : loop_(loop) {}

  // Calls work in its turn: at once if no other change of the job is under way. Not at all once this is gone.
  void enter(const JobId& id, Work work);

 private:
  void begin(const JobId& id, const Work& work);
  void end(const JobId& id);

  Loop& loop_;
  std::map<JobId, std::deque<Work>> waiting_;  // there is an entry while the job has a turn
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
