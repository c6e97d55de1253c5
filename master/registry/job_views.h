// The body of JobViews: what the registry has, with what lives as it is now. Owner: the master; loop thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/model/job_views.h"
#include "core/runtime/loop.h"
#include "master/executions/execution_removals.h"
#include "master/executions/executions.h"
#include "master/registry/registry.h"

namespace slicemill::master {

class RegistryJobViews final : public JobViews {
 public:
  RegistryJobViews(Loop& loop, Registry& registry, Executions& executions, ExecutionRemovals& removals,
                   const JobDialect& dialect, NodeView node);

  void list(const ListQuery& query, Reply<ListedJobs> reply) override;
  void find(std::int64_t number, Reply<std::optional<JobView>> reply) override;
  void events(const JobId& id, Reply<std::vector<JobEvent>> reply) override;
  void sinks(const JobView& job, Reply<std::vector<SinkView>> reply) override;
  Result<ShownDocument> configuration(const JobView& job) override;
  void delete_ended(const std::vector<ExecutionStatus>& statuses, Reply<std::int64_t> reply) override;
  NodeView node() const override { return node_; }

 private:
  void show_as_of_now(JobView& job) const;
  void read_sinks(const ExecutionId& id, int tries, Reply<std::vector<SinkView>> reply);
  void delete_jobs(std::vector<JobId> ids, Reply<std::int64_t> reply);
  void free_staging(std::vector<JobId> ids, std::int64_t deleted, Reply<std::int64_t> reply);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  ExecutionRemovals& removals_;
  const JobDialect& dialect_;
  const NodeView node_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
