// Keeps as many workers alive as a group wants. Part of the supervisor; loop thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/runtime/clock.h"
#include "core/runtime/result.h"
#include "master/processes/process_groups.h"

namespace slicemill::master {

class WorkerStarts {
 public:
  explicit WorkerStarts(ProcessGroups& groups) : groups_(groups) {}

  // One after the other, never before the caller has returned.
  void fill(ProcessGroup& group);
  // One died, or could not be started.
  void failed(ProcessGroup& group, Duration life, Duration least_delay);
  void obstructed(ProcessGroup& group, Duration life, const std::string& cause);
  // Workers can be started again, or are not wanted.
  void go_on(ProcessGroup& group);

 private:
  void launch(ProcessGroup& group);
  void is_started(ProcessRow row, const Result<ProcessIdentity>& process);
  void look_for_settled(ProcessGroup& group, std::int64_t place, std::int64_t ordinal);
  void fill_after(ProcessGroup& group, Duration delay);

  ProcessGroups& groups_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
