// Jobs as typed values, without the names of any dialect: what a dialect's own documents are made of.
//
// Loop thread of the master. Each call answers exactly once, on the loop thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/commands.h"
#include "core/model/documents.h"
#include "core/model/execution.h"
#include "core/model/list_query.h"
#include "core/runtime/clock.h"
#include "core/runtime/ids.h"
#include "core/runtime/result.h"

namespace slicemill {

struct ExecutionView {
  ExecutionId ex_id;
  ExecutionStatus status = ExecutionStatus::pending;
  bool stop_is_heard = false;  // of one that is stopping: its controller knows
  bool has_ledger = false;     // a recovery goes on from it
  std::string reason;          // of an outcome that is not a success; "" for none
  WallMs created = 0;
  WallMs changed = 0;  // its status
};

struct JobView {
  JobId job_id;
  std::int64_t number = 0;  // unique, rising
  std::string name;
  WallMs created = 0;
  WallMs updated = 0;                      // its document
  std::optional<ExecutionView> execution;  // the newest one
};

struct ListedJobs {
  std::vector<JobView> jobs;
  WindowFacts window;
};

// One change of the status of one of a job's executions.
struct JobEvent {
  std::int64_t id = 0;  // unique over all jobs, rising
  ExecutionId ex_id;
  WallMs at = 0;
  std::string from;  // "" for the first one
  std::string event;
  ExecutionStatus status = ExecutionStatus::pending;
  std::string reason;
};

// How far one sink of a job's newest execution is.
struct SinkView {
  std::string sink;  // its path; of one without a path its operation
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  // Of a source of numbers the first and the last of those that are done from the beginning on, without a hole.
  std::optional<std::int64_t> first;
  std::optional<std::int64_t> last;
};

// What a program was built from; "" if not known.
struct BuildFacts {
  std::string version;
  std::string commit;
  std::string date;  // of the commit: 2026-11-24
};

struct NodeView {
  std::string name;
  WallMs since = 0;  // the master's start
  BuildFacts build;
};

class JobViews {
 public:
  virtual ~JobViews() = default;

  virtual void list(const ListQuery& query, Reply<ListedJobs> reply) = 0;
  // Deleted jobs are not there.
  virtual void find(std::int64_t number, Reply<std::optional<JobView>> reply) = 0;
  // Of all executions of the job that are still there, oldest first.
  virtual void events(const JobId& id, Reply<std::vector<JobEvent>> reply) = 0;
  // Of the newest execution; empty if it has not opened its ledger yet. gone: its ledger is lost.
  virtual void sinks(const JobView& job, Reply<std::vector<SinkView>> reply) = 0;
  // What the newest execution was started with; of a job without one what it would be started with. "" as text: it is
  // gone meanwhile.
  virtual Result<ShownDocument> configuration(const JobView& job) = 0;
  // Deletes every job whose newest execution has one of these statuses, in one transaction; what lives stays, whatever
  // happens meanwhile. Answers how many went.
  virtual void delete_ended(const std::vector<ExecutionStatus>& statuses, Reply<std::int64_t> reply) = 0;
  virtual NodeView node() const = 0;
};

}  // namespace slicemill
