// Typed rows of jobs with what their newest execution is doing, without documents. Reads: any thread, through its own
// connection.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/model/execution_events.h"
#include "core/model/job_views.h"
#include "core/runtime/result.h"
#include "master/registry/registry.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

// The functions of lists were added (master/lists/list_search.h). fields: of jobs.
Result<ListedJobs> read_job_views(Database& database, const ListQuery& query, std::span<const query::Field> fields);
Result<std::optional<JobView>> read_job_view(Database& database, std::int64_t number);
Result<std::vector<JobEvent>> read_job_events(Database& database, const JobId& id);
// Behind this one, oldest first.
Result<std::vector<StatusChange>> read_changes(Database& database, std::int64_t after, const EventFilter& filter,
                                               std::int64_t most);
Result<std::optional<SubmissionRow>> read_submission(Database& database, const std::string& key);

}  // namespace slicemill::master
