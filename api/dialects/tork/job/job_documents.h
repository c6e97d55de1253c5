// Jobs and tasks as clients of Tork see them: what was posted, with what became of it. Pure, any thread.
//
// A member that is empty, 0 or false is left out, but for those that clients read without a look: of a job createdAt,
// position, tasks, execution and context, of an envelope all.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/dialects/tork/job/job_fields.h"
#include "api/dialects/tork/job/tork_job.h"
#include "core/runtime/clock.h"
#include "core/runtime/json.h"

namespace slicemill::api::tork {

struct User {
  std::string id;
  std::string name;
  std::string username;
  WallMs created_at = 0;
  bool is_disabled = false;
};

struct JobState {
  std::string id;
  std::string parent_id;  // of a sub-job: the task that it belongs to
  std::string state;      // "RUNNING"
  User created_by;
  WallMs created_at = 0;
  std::optional<WallMs> started_at;
  std::optional<WallMs> completed_at;
  std::optional<WallMs> failed_at;
  std::optional<WallMs> delete_at;
  std::int64_t position = 0;  // of the task at the top that runs, from 1
  double progress = 0;        // percent
  std::string result;
  std::string error;
  std::string schedule_id;
  TextMap results;              // of tasks, by their `var`
  std::vector<Json> execution;  // task_document of each run, in the order that clients show reversed
};

struct TaskState {
  std::string id;
  std::string job_id;
  std::string parent_id;
  std::string state;
  std::string node_id;
  std::string subjob_id;
  std::int64_t position = 0;
  std::optional<WallMs> created_at;
  std::optional<WallMs> scheduled_at;
  std::optional<WallMs> started_at;
  std::optional<WallMs> completed_at;
  std::optional<WallMs> failed_at;
  std::string result;
  std::string error;
  double progress = 0;
  std::int64_t attempts = 0;     // runs again so far
  std::int64_t redelivered = 0;  // workers that were lost with it
  std::int64_t size = 0;         // of `each`: items
  std::int64_t completions = 0;  // of `each` and `parallel`
  std::int64_t index = 0;        // of a task of `each`: its item
};

struct ScheduleState {
  std::string id;
  std::string state;  // "ACTIVE", "PAUSED"
  User created_by;
  WallMs created_at = 0;
};

// "2026-11-24T16:36:27.5Z".
std::string time_text(WallMs time);

// What was posted, in the words in which it is posted: read_job reads it again, as JSON.
Json definition_of(const TorkJob& job, JobKind kind);
Json definition_of(const Task& task);

Json user_document(const User& user);
Json job_summary(const TorkJob& job, const JobState& state);
Json job_document(const TorkJob& job, const JobState& state);
Json task_document(const Task& task, const TaskState& state);
// As webhooks tell it.
Json task_summary(const Task& task, const TaskState& state);
Json schedule_summary(const TorkJob& job, const ScheduleState& state);
Json schedule_document(const TorkJob& job, const ScheduleState& state);

}  // namespace slicemill::api::tork
