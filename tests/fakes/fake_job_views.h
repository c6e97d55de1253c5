// JobViews that gives the answers which a test has set on a FakeJobService, and records its calls there. Loop thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/model/job_views.h"

namespace slicemill {

class FakeJobService;

// Forms of answers: a job is {"number": 7, "status": "running", ...}, of an execution if there is a status; "heard" and
// "ledger" are its flags. "view_events" is a list of [id, status, reason]. Of "view_list" pages are cut as they would
// be. "view_sinks" is a list of [sink, files, bytes, first or null, last or null].
class FakeJobViews final : public JobViews {
 public:
  explicit FakeJobViews(FakeJobService& service) : service_(service) {}

  void list(const ListQuery& query, Reply<ListedJobs> reply) override;
  void find(std::int64_t number, Reply<std::optional<JobView>> reply) override;
  void events(const JobId& id, Reply<std::vector<JobEvent>> reply) override;
  void sinks(const JobView& job, Reply<std::vector<SinkView>> reply) override;
  Result<ShownDocument> configuration(const JobView& job) override;
  void delete_ended(const std::vector<ExecutionStatus>& statuses, Reply<std::int64_t> reply) override;
  NodeView node() const override;

 private:
  FakeJobService& service_;
};

}  // namespace slicemill
