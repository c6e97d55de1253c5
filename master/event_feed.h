// Who follows executions: changes as the registry commits them, and progress once a second.
//
// The newest changes are kept in memory for all that follow; who is further behind reads the registry, a page at a
// time. So what one that follows costs does not depend on how fast it reads. Nothing runs while nobody follows.
//
// Owner: the master; loop thread. Outlives what follow() gives.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "core/model/execution_events.h"
#include "core/runtime/loop.h"
#include "master/executions/executions.h"
#include "master/registry/registry.h"

namespace slicemill::master {

class ExecutionEventFeed final : public EventFeed {
 public:
  static constexpr std::size_t kMostStreams = 1024;  // a quarter of the connections
  static constexpr std::size_t kMostRecent = 4096;   // changes in memory
  static constexpr std::size_t kMostRecentBytes = 4 << 20;

  ExecutionEventFeed(Loop& loop, Registry& registry, Executions& executions);
  ~ExecutionEventFeed() override;

  Result<std::unique_ptr<EventStream>> follow(const EventFilter& filter, std::optional<std::int64_t> after) override;

  // Whoever follows is told that the source has ended.
  void close();

 private:
  class Stream;
  struct Shown {
    std::shared_ptr<const ProgressReport> report;
    std::uint64_t second = 0;  // in which it was new
    std::uint64_t former = 0;  // the same of the one before
  };

  Result<void> check(const EventFilter& filter) const;
  void take_change(std::int64_t id, const HistoryRow& row);
  void look_at_progress();
  void show_progress(const LiveExecution& live);
  template <typename Wants>
  void wake(Wants wants);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  std::set<Stream*> streams_;
  std::deque<std::shared_ptr<const StatusChange>> recent_;
  std::size_t recent_bytes_ = 0;
  std::int64_t before_recent_ = 0;  // every change behind this one is in recent_
  std::map<ExecutionId, Shown> progress_;
  std::uint64_t second_ = 0;  // counts while somebody follows
  Loop::TimerId timer_ = 0;
  bool closed_ = false;
};

}  // namespace slicemill::master
