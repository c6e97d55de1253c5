// What a controller and its workers are started with: the launch file, the environment, where they listen, and an epoch
// that is durable before the process exists. Owner: Executions; loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/runtime/loop.h"
#include "core/runtime/result.h"
#include "master/executions/executions_options.h"
#include "master/executions/live_executions.h"
#include "master/executions/status_writer.h"
#include "master/processes/controller_endpoints.h"
#include "master/processes/supervisor.h"
#include "master/registry/registry.h"

namespace slicemill::master {

// What controllers and workers have in their environment beside the master's own: a job's variables go before.
Environment process_environment(Environment of_job, const Environment& of_master, std::string_view log_level);

class ControllerLaunches {
 public:
  // no_cpu_limit: Launcher::no_cpu_limit.
  ControllerLaunches(Loop& loop, Registry& registry, const LiveExecutions& live, StatusWriter& writer,
                     const ExecutionsOptions& options, std::string no_cpu_limit);

  Result<GroupSpec> group_spec(const LiveExecution& live);
  // Answers with the epoch once the launch file is there.
  void prepare(const ExecutionId& id, std::function<void(Result<std::uint64_t>)> ready);
  // Of an execution that has ended.
  void forget(const ExecutionId& id);
  const std::string& no_cpu_limit() const { return no_cpu_limit_; }

 private:
  void write_launch(const ExecutionId& id, const std::function<void(Result<std::uint64_t>)>& ready);
  Result<ControllerLaunch> launch_of(const ExecutionId& id, std::string& job);

  Loop& loop_;
  Registry& registry_;
  const LiveExecutions& live_;
  StatusWriter& writer_;
  const ExecutionsOptions& options_;
  const std::string no_cpu_limit_;
  ControllerEndpoints endpoints_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
