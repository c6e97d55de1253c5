// How long ended executions are kept: removes those beyond the limits, oldest first, in small steps in the background.
//
// Owner: the master; loop thread. Never removed: a live execution, one whose ledger a living recovery still needs, and
// the newest one of a job, which the job would go on from. Sizes are measured once per ended execution, on the query
// executor.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/runtime/loop.h"
#include "master/executions/execution_removals.h"
#include "master/registry/registry.h"

namespace slicemill::master {

struct RetentionOptions {
  RetentionLimits limits;
  std::int64_t bytes = 0;  // of the ledgers and logs of all ended executions; 0: no limit
};

class Retention {
 public:
  Retention(Loop& loop, Registry& registry, Executions& executions, ExecutionRemovals& removals,
            const RetentionOptions& options);
  ~Retention();
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  // Nothing is removed from now on.
  void close();

 private:
  void look_after(Duration delay);
  void look();
  void remove(const Result<std::vector<ExecutionId>>& outlived);
  void look_at_sizes();
  void measure(std::shared_ptr<std::vector<Registry::Ended>> ended, std::size_t from);
  void remove_oldest(const std::vector<Registry::Ended>& ended);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  ExecutionRemovals& removals_;
  const RetentionOptions options_;
  std::shared_ptr<std::map<ExecutionId, std::uint64_t>> sizes_;  // touched by one side at a time
  bool closed_ = false;
  Loop::TimerId timer_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
