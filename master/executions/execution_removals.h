// Takes ended executions away for good: row and history, ledger, logs, and what they staged and never published.
// Published output is never touched. What stays is a RemovedRow, which tells recoveries that a ledger they would go on
// from is no more.
//
// Owner: the master; loop thread. The registry forgets first and remembers what is to be freed, so that a crash leaves
// nothing that nobody owns. Files go on the query executor, once no process of the execution is left.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/model/commands.h"
#include "core/runtime/loop.h"
#include "master/executions/executions.h"
#include "master/registry/registry.h"

namespace slicemill::master {

class ExecutionRemovals {
 public:
  // Goes on with what a former master left.
  ExecutionRemovals(Loop& loop, Registry& registry, Executions& executions);

  // Answers when nothing of it is left. conflict: it lives, or a living recovery still needs its ledger. not_found.
  // One that was removed before is removed.
  void remove(const ExecutionId& id, Reply<RemovedRow> reply);
  // Those that can be removed now. done: the registry has forgotten them (how many); their files follow.
  void remove_all(const std::vector<ExecutionId>& ids, std::function<void(Result<std::size_t>)> done);
  // Of a deleted job nothing is recovered: what its executions never published can go, while errors stay readable.
  void free_staging_of(const JobId& id);

 private:
  void free_left();
  // Its place in the batch that removes it, or why it stays.
  Result<RegistryBatch::Removal> removal_of(const ExecutionRow& row) const;
  Result<std::vector<std::string>> staging_of(const ExecutionRow& row) const;
  void free(const ExecutionId& id, const std::function<void(Result<RemovedRow>)>& done);
  void freed(const RemovedRow& row, const Result<void>& result, const std::function<void(Result<RemovedRow>)>& done);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
