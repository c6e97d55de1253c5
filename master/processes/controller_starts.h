// Starts controllers, and decides what a start that failed and a death mean. Part of the supervisor; loop thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/runtime/clock.h"
#include "core/runtime/result.h"
#include "master/processes/process_groups.h"
#include "master/processes/worker_starts.h"

namespace slicemill::master {

// What a controller prints outside of its log.
std::string controller_output(const GroupSpec& spec);

class ControllerStarts {
 public:
  ControllerStarts(ProcessGroups& groups, WorkerStarts& workers) : groups_(groups), workers_(workers) {}

  // Asks for an epoch and a launch file, then starts a controller, and the workers that the group wants.
  void prepare(ProcessGroup& group);
  // It died, or (life: nothing) could not be started.
  void failed(ProcessGroup& group, std::optional<Duration> life, const std::string& cause);
  void obstructed(ProcessGroup& group, Duration life, const std::string& cause);
  // Nothing is wrong with it, but it cannot go on now.
  void waits(ProcessGroup& group, Duration life, const std::string& reason);

 private:
  void is_prepared(const ExecutionId& id, const Result<std::uint64_t>& epoch);
  void launch(ProcessGroup& group, std::uint64_t epoch);
  void is_started(const ExecutionId& id, std::uint64_t epoch, const Result<ProcessIdentity>& process);
  void prepare_after(ProcessGroup& group, Duration delay);

  ProcessGroups& groups_;
  WorkerStarts& workers_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
