// The dialect that jobs of the command line are written in and that it speaks with masters. The one place of cli/ that
// names it, and that knows the members of its documents.
#pragma once

#include <string_view>

#include "api/dialects/teraslice/display_text.h"
#include "api/dialects/teraslice/job/job_docs.h"
#include "api/dialects/teraslice/job/job_params.h"
#include "api/dialects/teraslice/job/job_posting.h"
#include "api/dialects/teraslice/job/job_schema.h"
#include "api/dialects/teraslice/job/teraslice_job.h"
#include "api/dialects/teraslice/lucene_syntax.h"
#include "api/dialects/teraslice/teraslice_documents.h"
#include "api/dialects/teraslice/teraslice_fields.h"

namespace slicemill::cli {

namespace dialect = api::teraslice;

namespace member {

inline constexpr const char* kStatus = "_status";
inline constexpr const char* kStatusReason = "_status_reason";
inline constexpr const char* kFailure = "_failureReason";
inline constexpr const char* kStats = "_slicer_stats";
// Of the counters, those with names of its own.
inline constexpr const char* kIdleWorkers = "workers_available";
inline constexpr const char* kRunSeconds = "job_duration";
inline constexpr const char* kCreated = "_created";
inline constexpr const char* kUpdated = "_updated";
inline constexpr const char* kDeleted = "_deleted";
inline constexpr const char* kOperation = "_op";

}  // namespace member

// Parts of requests.
inline constexpr const char* kLatestChangeFirst = "sort=_updated:desc";
inline constexpr const char* kNewestFirst = "sort=_created:desc";
inline constexpr const char* kShownExecution = "ex=ex_id,_status";  // of a job

// What help says of filters.
inline constexpr const char* kFilterSyntax = "Lucene's syntax";
inline constexpr const char* kExecutionFilter = "'name:nightly AND _status:failed'";

// Behind it a master's error has its issues as JSON.
inline constexpr std::string_view kIssueList = "Zod parse error: ";

}  // namespace slicemill::cli
