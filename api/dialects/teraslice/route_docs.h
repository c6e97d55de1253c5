// What clients are told about the routes of this dialect: summaries, parameters, bodies. Rows that do the same share a
// description. The schemas are in document_schemas.cc.
#pragma once

#include "api/http/route_doc.h"

namespace slicemill::api::teraslice::docs {

inline constexpr ParameterDoc kSize{"size", "integer", "How many entries at most.", "100"};
inline constexpr ParameterDoc kFrom{"from", "integer", "How many entries to leave out at the beginning.", "0"};
inline constexpr ParameterDoc kSort{"sort", "string", "`field:asc` or `field:desc`, several with commas between them.",
                                    "_updated:desc"};
inline constexpr ParameterDoc kAssetSort{
    "sort", "string", "`field:asc` or `field:desc`, several with commas between them.", "_created:desc"};
inline constexpr ParameterDoc kFilter{"filter", "string", "A filter in Lucene's syntax."};
inline constexpr ParameterDoc kWords{
    "search", "string",
    "Only what has all of these words, stemmed; `\"...\"` for a phrase, `word*` for all that begin so."};
inline constexpr ParameterDoc kTotal{"total", "boolean",
                                     "Whether the header `X-Total-Count` tells how many there are in all.", "false"};
inline constexpr ParameterDoc kCursor{"cursor", "string",
                                      "Newest first, page after page: empty, then the header `X-Next-Cursor` of the "
                                      "page before; not with `from`, `sort`, "
                                      "`total`."};
inline constexpr ParameterDoc kDeleted{"deleted", "boolean", "The deleted ones instead of the others.", "false"};
inline constexpr ParameterDoc kActive{"active", "boolean", "Only jobs that are marked active, or only the others."};
inline constexpr ParameterDoc kExecutionFields{
    "ex", "string",
    "Adds to each job the named fields of its latest execution as `ex`: a list with commas, empty for all fields."};
inline constexpr ParameterDoc kStatus{"status", "string",
                                      "Only executions with one of these statuses, with commas between them."};
inline constexpr ParameterDoc kFields{"fields", "string",
                                      "The columns, at most 100, with commas between them; dots lead into objects."};
inline constexpr ParameterDoc kHeaders{"headers", "boolean", "Whether the names of the columns come first.", "true"};

inline constexpr ParameterDoc kPage[] = {kSize, kFrom};
inline constexpr ParameterDoc kSearch[] = {kFilter, kSize, kFrom, kSort};
inline constexpr ParameterDoc kJobSearch[] = {kActive, kDeleted, kFilter, kWords,  kSize,
                                              kFrom,   kSort,    kTotal,  kCursor, kExecutionFields};
inline constexpr ParameterDoc kExecutionSearch[] = {kStatus, kDeleted, kFilter, kWords, kSize,
                                                    kFrom,   kSort,    kTotal,  kCursor};
inline constexpr ParameterDoc kAssetSearch[] = {kSize, kFrom, kAssetSort};
inline constexpr ParameterDoc kOneJob[] = {kExecutionFields};
inline constexpr ParameterDoc kTablePage[] = {kFields, kHeaders, kSize, kFrom};
inline constexpr ParameterDoc kJobTable[] = {kFields, kHeaders, kActive, kDeleted, kFilter, kWords,
                                             kSize,   kFrom,    kSort,   kTotal,   kCursor};
inline constexpr ParameterDoc kExecutionTable[] = {kFields, kHeaders, kStatus, kDeleted, kFilter, kWords,
                                                   kSize,   kFrom,    kSort,   kTotal,   kCursor};
inline constexpr ParameterDoc kAssetTable[] = {kFields, kHeaders, kSize, kFrom, kAssetSort};

inline constexpr ParameterDoc kSubmitParameters[] = {
    {"start", "boolean", "Whether the job is started; otherwise it is only stored.", "true"},
    {.name = "Idempotency-Key",
     .type = "string",
     .description = "The same job with the same key again makes no second one: the answer has the ids of the first.",
     .is_header = true}};
inline constexpr ParameterDoc kRecoverParameters[] = {
    {"cleanup_type", "string", "Only these slices run again, and no new ones are made.", "", "all,errors,pending"},
    {"cleanup", "string", "The same as `cleanup_type`.", "", "all,errors,pending"},
    {"config", "string",
     "The job as it is now, or as the execution had it; without it `current` of a job, `own` of an execution.", "",
     "current,own"}};
inline constexpr ParameterDoc kStopParameters[] = {
    {"blocking", "boolean", "Whether the answer waits until the execution has stopped.", "true"},
    {"timeout", "integer", "Milliseconds that running slices have; without it the setting `shutdown_timeout`."},
    {"force", "boolean", "Gives up running slices at once.", "false"}};
inline constexpr ParameterDoc kWorkersParameters[] = {
    {"add", "integer", "So many workers more. One of the three must be given."},
    {"remove", "integer", "So many workers fewer."},
    {"total", "integer", "So many workers."}};
inline constexpr ParameterDoc kLogParameters[] = {
    {"process", "string", "`controller`, or `worker-1`, `worker-2`, ...", "controller"},
    {"lines", "integer", "So many of the last lines.", "100"},
    {"tail", "integer", "The same as `lines`."},
    {"follow", "boolean", "The answer goes on with what is written, until the execution has ended.", "false"},
    {"from", "string", "What follows this position, from the header `X-Log-Position` of an earlier answer."}};
inline constexpr ParameterDoc kUploadParameters[] = {
    {"blocking", "boolean", "Changes nothing: the answer always comes when the bundle is stored.", "true"}};
inline constexpr ParameterDoc kSettingsParameters[] = {
    {"log_level", "string", "The level; it may be in the body too.", "", "trace,debug,info,warn,error,fatal"}};

inline constexpr RouteDoc kClusterInfo{
    .summary = "Name, platform and versions of the server", .role = Role::open, .answer = "ClusterInfo"};
inline constexpr RouteDoc kHealth{
    .summary = "Whether the server is up, and what keeps it from recording", .role = Role::open, .answer = "Health"};
inline constexpr RouteDoc kClusterState{
    .summary = "Nodes with their processes", .role = Role::read, .answer = "ClusterState"};
inline constexpr RouteDoc kClusterStats{
    .summary = "Counters, summed over all executions", .role = Role::read, .answer = "ClusterStats"};
inline constexpr RouteDoc kControllers{
    .summary = "Counters of each live execution, sorted by name, then start, both descending",
    .role = Role::read,
    .answer = "ControllerStats",
    .is_list = true};

inline constexpr RouteDoc kSubmitJob{.summary = "Stores a job and starts it",
                                     .role = Role::write,
                                     .parameters = kSubmitParameters,
                                     .body = "Job",
                                     .answer = "Submitted"};
inline constexpr RouteDoc kListJobs{.summary = "Jobs, as they were posted",
                                    .role = Role::read,
                                    .parameters = kJobSearch,
                                    .answer = "StoredJob",
                                    .is_list = true};
inline constexpr RouteDoc kGetJob{
    .summary = "A job, as it was posted", .role = Role::read, .parameters = kOneJob, .answer = "StoredJob"};
inline constexpr RouteDoc kUpdateJob{
    .summary = "Replaces a job", .role = Role::write, .body = "Job", .answer = "StoredJob"};
inline constexpr RouteDoc kDeleteJob{
    .summary = "Deletes a job with its executions", .role = Role::write, .answer = "StoredJob"};
inline constexpr RouteDoc kSetActive{
    .summary = "Marks a job active or inactive", .role = Role::write, .answer = "StoredJob"};
inline constexpr RouteDoc kStartJob{.summary = "Starts a stored job",
                                    .role = Role::write,
                                    .body = "Start",
                                    .answer = "Submitted",
                                    .body_may_lack = true};
inline constexpr RouteDoc kChangeSettings{.summary = "Changes the log level of the latest execution",
                                          .role = Role::write,
                                          .parameters = kSettingsParameters,
                                          .answer = "LogLevel"};

inline constexpr RouteDoc kListExecutions{.summary = "Executions",
                                          .role = Role::read,
                                          .parameters = kExecutionSearch,
                                          .answer = "Execution",
                                          .is_list = true};
inline constexpr RouteDoc kGetExecution{
    .summary = "An execution; of a job its latest one", .role = Role::read, .answer = "Execution"};
inline constexpr RouteDoc kRemoveExecution{
    .summary = "Removes an ended execution for good, with ledger and logs; published output stays",
    .role = Role::admin,
    .answer = "RemovedExecution",
    .ours = true};
inline constexpr RouteDoc kStop{
    .summary = "Stops an execution", .role = Role::write, .parameters = kStopParameters, .answer = "Status"};
inline constexpr RouteDoc kPause{.summary = "Pauses an execution", .role = Role::write, .answer = "Status"};
inline constexpr RouteDoc kResume{.summary = "Resumes a paused execution", .role = Role::write, .answer = "Status"};
inline constexpr RouteDoc kRecover{.summary = "Makes an execution that continues an ended one",
                                   .role = Role::write,
                                   .parameters = kRecoverParameters,
                                   .body = "Start",
                                   .answer = "Submitted",
                                   .body_may_lack = true};
inline constexpr RouteDoc kChangeWorkers{.summary = "Changes the number of workers",
                                         .role = Role::write,
                                         .parameters = kWorkersParameters,
                                         .answer = "Message"};
inline constexpr RouteDoc kController{.summary = "Counters of a live execution, as a list of one",
                                      .role = Role::read,
                                      .answer = "ControllerStats",
                                      .is_list = true};
inline constexpr RouteDoc kErrors{
    .summary = "Failed slices", .role = Role::read, .parameters = kSearch, .answer = "FailedSlice", .is_list = true};
inline constexpr RouteDoc kAllErrors{.summary = "Failed slices of all executions",
                                     .role = Role::read,
                                     .parameters = kSearch,
                                     .answer = "FailedSlice",
                                     .is_list = true};
inline constexpr RouteDoc kLogs{.summary = "Whole lines of a process's log, as text",
                                .role = Role::read,
                                .parameters = kLogParameters,
                                .answer = kTextBody,
                                .ours = true};
inline constexpr RouteDoc kHistory{.summary = "Every change of the status, oldest first",
                                   .role = Role::read,
                                   .answer = "StatusChange",
                                   .is_list = true,
                                   .ours = true};
inline constexpr RouteDoc kQuarantine{.summary = "Quarantined records in the order of slices",
                                      .role = Role::read,
                                      .parameters = kPage,
                                      .answer = "QuarantinedRecord",
                                      .is_list = true,
                                      .ours = true};
inline constexpr RouteDoc kTasks{.summary = "Tries of tasks that have ended, in the order in which the tasks began",
                                 .role = Role::read,
                                 .parameters = kPage,
                                 .answer = "TaskTry",
                                 .is_list = true,
                                 .ours = true};
inline constexpr RouteDoc kRedrive{.summary = "Makes an execution that runs quarantined records again",
                                   .role = Role::write,
                                   .body = "Redrive",
                                   .answer = "Submitted",
                                   .ours = true,
                                   .body_may_lack = true};

inline constexpr RouteDoc kStoreAsset{.summary = "Stores a bundle; 200 instead of 201 if it was there already",
                                      .role = Role::admin,
                                      .parameters = kUploadParameters,
                                      .body = kZipBody,
                                      .answer = "AssetId",
                                      .status = 201};
inline constexpr RouteDoc kListAssets{
    .summary = "Bundles", .role = Role::read, .parameters = kAssetSearch, .answer = "Asset", .is_list = true};
inline constexpr RouteDoc kRemoveAsset{.summary = "Deletes a bundle", .role = Role::admin, .answer = "AssetId"};

inline constexpr RouteDoc kWorkerTable{
    .summary = "A text table of workers", .role = Role::read, .parameters = kTablePage, .answer = kTextBody};
inline constexpr RouteDoc kNodeTable{
    .summary = "A text table of nodes", .role = Role::read, .parameters = kTablePage, .answer = kTextBody};
inline constexpr RouteDoc kTableOfJobs{
    .summary = "A text table of jobs", .role = Role::read, .parameters = kJobTable, .answer = kTextBody};
inline constexpr RouteDoc kTableOfExecutions{
    .summary = "A text table of executions", .role = Role::read, .parameters = kExecutionTable, .answer = kTextBody};
inline constexpr RouteDoc kTableOfControllers{.summary = "A text table of the counters of live executions",
                                              .role = Role::read,
                                              .parameters = kTablePage,
                                              .answer = kTextBody};
inline constexpr RouteDoc kTableOfAssets{
    .summary = "A text table of bundles", .role = Role::read, .parameters = kAssetTable, .answer = kTextBody};

}  // namespace slicemill::api::teraslice::docs
