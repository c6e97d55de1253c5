// What happens to executions, for those who follow it while it happens: each change of a status, and how far the living
// ones are.
//
// Loop thread of the master. Who follows takes events at the own pace: changes are read from what is stored, and of
// progress only the newest is kept, so that a slow reader costs no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model/execution.h"
#include "core/model/stats.h"
#include "core/runtime/clock.h"
#include "core/runtime/ids.h"
#include "core/runtime/result.h"

namespace slicemill {

struct StatusChange {
  std::int64_t id = 0;  // unique, rising, never given again
  JobId job_id;
  ExecutionId ex_id;
  WallMs at = 0;
  std::string from;  // "" for the first one
  std::string event;
  std::string to;
  std::string reason;
  bool operator==(const StatusChange&) const = default;
};

struct ProgressReport {
  JobId job_id;
  ExecutionId ex_id;
  WallMs at = 0;
  ExecutionStatus status = ExecutionStatus::pending;
  Progress progress;
};

// The reader was too slow: progress of so many seconds was left out before what follows.
struct SkippedProgress {
  std::uint64_t seconds = 0;
};

using ExecutionEventOf =
    std::variant<std::shared_ptr<const StatusChange>, std::shared_ptr<const ProgressReport>, SkippedProgress>;

// Nothing: all.
struct EventFilter {
  std::optional<ExecutionId> ex_id;
  std::optional<JobId> job_id;

  bool wants(const JobId& job, const ExecutionId& execution) const {
    return (!ex_id || *ex_id == execution) && (!job_id || *job_id == job);
  }
};

class EventStream {
 public:
  virtual ~EventStream() = default;
  // What follows what was taken before, at most so many. Empty: nothing yet.
  virtual std::vector<ExecutionEventOf> take(std::size_t most) = 0;
  // The source has ended, and all of it was taken. A failure of reading ends it too; then this says why.
  virtual bool at_end() const = 0;
  virtual std::string why_ended() const = 0;
  // `wake` is called when there may be something to take again, after take() gave nothing.
  virtual void on_ready(std::function<void()> wake) = 0;
};

class EventFeed {
 public:
  virtual ~EventFeed() = default;
  // Behind this change; nothing: what happens from now on. The newest progress of what lives comes first.
  // not_found: there is no such execution or job. unavailable: too many follow already.
  virtual Result<std::unique_ptr<EventStream>> follow(const EventFilter& filter, std::optional<std::int64_t> after) = 0;
};

}  // namespace slicemill
