// A new master takes over what the former one left.
//
// Processes that live are watched again; their controllers say hello by themselves. An execution without a controller
// may have ended while no master was there: its ledger is asked first. If it has an outcome, the controller that starts
// only tells it, with the counts, and removes what is staged; otherwise it goes on, with workers. Either way under a
// new epoch. Owner: Executions; loop thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/runtime/loop.h"
#include "core/runtime/result.h"
#include "master/executions/live_executions.h"
#include "master/registry/registry.h"

namespace slicemill::master {

class Executions;

class Adoption {
 public:
  Adoption(Loop& loop, Registry& registry, Executions& executions)
      : loop_(loop), registry_(registry), executions_(executions) {}

  // What the registry says was alive. Outcomes that ledgers already hold are adopted.
  Result<void> adopt_all();
  // The same where the data directory has moved: the processes that live know their files by the old path, so others
  // take their place.
  Result<void> adopt_moved(const std::string& former_path);
  // The data directory is a copy: processes and outputs that its registry names are those of the original, and none of
  // them is touched. What lives there has ended here.
  Result<void> disown_all(const std::string& former_path);

 private:
  void adopt(LiveExecution& live, const std::vector<ProcessRow>& known);
  void sweep_notes();
  void consult_ledger(const ExecutionId& id);
  void act_on_ledger(const ExecutionId& id, const Result<bool>& decided);
  void release_leftovers(const std::map<ExecutionId, std::vector<ProcessRow>>& known);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  std::string moved_from_;  // where the data directory was before this start; "": it has not moved
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
