// Gives slots to live executions, as `start_planner` says, whenever something changes that it depends on. Owner:
// Executions; loop thread.
#pragma once

#include <memory>

#include "core/runtime/loop.h"
#include "master/executions/live_executions.h"
#include "master/executions/start_planner.h"

namespace slicemill::master {

class Executions;

class SlotPlanning {
 public:
  SlotPlanning(Loop& loop, Executions& executions) : loop_(loop), executions_(executions) {}

  // Once for all that happens in one turn of the loop.
  void plan();
  // From now on nothing is admitted.
  void close() { admitting_ = false; }

 private:
  void apply(LiveExecution& live, const Grant& grant);

  Loop& loop_;
  Executions& executions_;
  bool admitting_ = true;
  bool planning_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
