// Which children of this process are ours, and the others. As process 1 (in a container) it is given every orphan as a
// child, which would stay a zombie for ever; but whoever takes one of ours takes the cause of its death from its owner.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "core/runtime/loop.h"

namespace slicemill {

// Calls `start`, which makes a child and returns its pid (negative: none), and knows the child as ours from its first
// moment on, until it was reaped. errno stays what `start` left. Any thread.
pid_t start_child(const std::function<pid_t()>& start);

// Takes the ended children that are not ours; returns how many. Any thread.
int reap_orphans();

// Reaps orphans once a second where this process gets any: as process 1, or as a subreaper (prctl). Loop thread.
class OrphanReaper {
 public:
  explicit OrphanReaper(Loop& loop);
  ~OrphanReaper();
  OrphanReaper(const OrphanReaper&) = delete;
  OrphanReaper& operator=(const OrphanReaper&) = delete;

 private:
  void sweep();

  Loop& loop_;
  Loop::TimerId timer_ = 0;
};

}  // namespace slicemill
