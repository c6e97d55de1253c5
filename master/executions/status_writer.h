// Makes what happens to live executions durable, and tells when it is. One write of an execution is under way at most:
// what changes meanwhile goes into the next one, so the registry never goes back. A write that fails is repeated each
// second; nothing of it is told or done before. Owner: Executions; loop thread.
#pragma once

#include <functional>
#include <memory>

#include "core/runtime/loop.h"
#include "core/runtime/result.h"
#include "master/executions/live_executions.h"
#include "master/registry/registry.h"

namespace slicemill::master {

class StatusWriter {
 public:
  struct Hooks {
    std::function<void(LiveExecution&)> start;  // that its controller is to start is durable, with an epoch for it
    std::function<void(LiveExecution&)> end;    // its terminal status is durable
    std::function<void()> creation_failed;      // of an execution that is no longer among the live ones
  };
  StatusWriter(Loop& loop, Registry& registry, LiveExecutions& live, Hooks hooks);

  void persist(LiveExecution& live);
  // Runs `task` once everything that changed so far is durable: at once if it is.
  void when_durable(LiveExecution& live, std::function<void()> task);
  // Above all former ones of its job; not durable yet.
  Result<EpochRow> next_epoch(LiveExecution& live);

 private:
  struct Written;

  void persisted(const ExecutionId& id, const std::shared_ptr<Written>& written, const Result<void>& result);
  void fail_creation(const ExecutionId& id, const Error& error);
  void write_again(LiveExecution& live, const Written& written, const Error& error);

  Loop& loop_;
  Registry& registry_;
  LiveExecutions& live_;
  Hooks hooks_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
