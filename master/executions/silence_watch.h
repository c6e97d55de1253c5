// Looks each second whether controllers keep what they promised: a live status is a lease (I4), and a stop has a
// deadline. Owner: Executions; loop thread.
#pragma once

#include "core/runtime/loop.h"
#include "master/executions/live_executions.h"

namespace slicemill::master {

class Executions;

class SilenceWatch {
 public:
  SilenceWatch(Loop& loop, Executions& executions) : loop_(loop), executions_(executions) {}
  ~SilenceWatch() { loop_.cancel(timer_); }
  SilenceWatch(const SilenceWatch&) = delete;
  SilenceWatch& operator=(const SilenceWatch&) = delete;

  void start() { tick(); }

 private:
  void tick();
  void check_silence(LiveExecution& live);
  void check_overdue(LiveExecution& live);

  Loop& loop_;
  Executions& executions_;
  Loop::TimerId timer_ = 0;
  SteadyTime ticked_;
};

}  // namespace slicemill::master
