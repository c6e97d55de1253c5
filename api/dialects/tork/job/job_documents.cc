#include "api/dialects/tork/job/job_documents.h"

#include <array>
#include <cmath>

#include "core/expression/printed_numbers.h"

namespace slicemill::api::tork {
namespace {

constexpr double kHundredths = 100;

template <typename T>
Json written(const T& value);

Json written(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}
Json written(std::int64_t number) {
  return number == 0 ? Json() : Json(number);
}
Json written(bool truth) {
  return truth ? Json(true) : Json();
}
Json written(const TextMap& map) {
  if (map.empty()) return {};
  auto object = Json::object();
  for (const auto& [name, text] : map) object.emplace(name, text);
  return object;
}
template <typename T>
Json written(const std::vector<T>& list) {
  if (list.empty()) return {};
  auto array = Json::array();
  for (const auto& item : list) {
    auto json = written(item);
    if (json.is_null()) json = std::is_same_v<T, std::string> ? Json("") : Json::object();
    array.push_back(std::move(json));
  }
  return array;
}
template <typename T>
Json written(const std::optional<T>& value) {
  if (!value) return {};
  auto json = written(*value);
  return json.is_null() ? Json::object() : json;
}
template <typename T>
Json written(const Box<T>& value) {
  if (!value) return {};
  auto json = written(*value);
  return json.is_null() ? Json::object() : json;
}

// Adds members that are not empty.
class MemberWriter {
 public:
  explicit MemberWriter(Json& object) : object_(object) {}

  template <typename T>
  void operator()(std::string_view name, const T& value) const {
    if (auto json = written(value); !json.is_null()) object_[std::string(name)] = std::move(json);
  }
  template <typename T>
  void operator()(std::string_view name, std::string_view, const T& value, const Rules&) const {
    (*this)(name, value);
  }

  void time(std::string_view name, const std::optional<WallMs>& value) const {
    if (value) object_[std::string(name)] = time_text(*value);
  }
  // With two decimals at most.
  void percent(std::string_view name, double value) const {
    const double rounded = std::round(value * kHundredths) / kHundredths;
    if (rounded == 0) return;
    if (rounded == std::trunc(rounded)) {
      object_[std::string(name)] = static_cast<std::int64_t>(rounded);
    } else {
      object_[std::string(name)] = rounded;
    }
  }

 private:
  Json& object_;
};

template <typename T>
Json written(const T& value) {
  Json object;
  Fields<T>::visit(MemberWriter(object), value);
  return object;
}

Json permission_documents(const std::vector<Permission>& permissions) {
  auto list = Json::array();
  for (const auto& one : permissions) {
    Json document;
    if (!one.user.empty()) document["user"] = {{"username", one.user}};
    if (!one.role.empty()) document["role"] = {{"slug", one.role}};
    list.push_back(std::move(document));
  }
  return list.empty() ? Json() : list;
}

Json tasks_document(const std::vector<Task>& tasks) {
  auto list = written(tasks);
  return list.is_null() ? Json::array() : list;
}

// What a job has before and beside its tasks.
void write_summary(const TorkJob& job, const JobState& state, Json& out) {
  const MemberWriter member(out);
  member("id", state.id);
  out["createdBy"] = user_document(state.created_by);
  member("parentId", state.parent_id);
  member("inputs", job.inputs);
  member("name", job.name);
  member("description", job.description);
  member("tags", job.tags);
  member("state", state.state);
  out["createdAt"] = time_text(state.created_at);
  member.time("startedAt", state.started_at);
  member.time("completedAt", state.completed_at);
  member.time("failedAt", state.failed_at);
  out["position"] = state.position;
  member("taskCount", static_cast<std::int64_t>(job.tasks.size()));
  member("result", state.result);
  member("error", state.error);
  member.percent("progress", state.progress);
  if (!state.schedule_id.empty()) out["schedule"] = {{"id", state.schedule_id}};
}

Json context_document(const TorkJob& job, const JobState& state) {
  Json context = Json::object();
  context["job"] = {{"id", state.id}, {"name", job.name}};
  const MemberWriter member(context);
  member("inputs", job.inputs);
  member("secrets", job.secrets);
  member("tasks", state.results);
  return context;
}

// Members that stand where a task's state would begin, in a fixed order.
void write_task_head(const Task& task, const TaskState& state, Json& out) {
  const MemberWriter member(out);
  member("id", state.id);
  member("jobId", state.job_id);
  member("parentId", state.parent_id);
  member("position", state.position);
  member("name", task.name);
  member("description", task.description);
  member("state", state.state);
  member.time("createdAt", state.created_at);
  member.time("scheduledAt", state.scheduled_at);
  member.time("startedAt", state.started_at);
  member.time("completedAt", state.completed_at);
  member.time("failedAt", state.failed_at);
}

void write_schedule(const TorkJob& job, const ScheduleState& state, Json& out) {
  const MemberWriter member(out);
  member("id", state.id);
  out["createdBy"] = user_document(state.created_by);
  member("inputs", job.inputs);
  member("state", state.state);
  member("name", job.name);
  member("description", job.description);
  member("tags", job.tags);
  out["createdAt"] = time_text(state.created_at);
  if (job.schedule) member("cron", job.schedule->cron);
}

}  // namespace

std::string time_text(WallMs time) {
  constexpr std::int64_t kSecondMs = 1'000;
  constexpr std::int32_t kMsNs = 1'000'000;
  const auto second = time >= 0 ? time / kSecondMs : (time - kSecondMs + 1) / kSecondMs;
  return expression::rfc3339({second, static_cast<std::int32_t>(time - second * kSecondMs) * kMsNs, 0});
}

Json definition_of(const TorkJob& job, JobKind kind) {
  auto object = Json::object();
  visit_job(MemberWriter(object), job, kind);
  return object;
}

Json definition_of(const Task& task) {
  return written(task);
}

Json user_document(const User& user) {
  auto out = Json::object();
  const MemberWriter member(out);
  member("id", user.id);
  member("name", user.name);
  member("username", user.username);
  if (user.created_at != 0) out["createdAt"] = time_text(user.created_at);
  member("disabled", user.is_disabled);
  return out;
}

Json job_summary(const TorkJob& job, const JobState& state) {
  auto out = Json::object();
  write_summary(job, state, out);
  return out;
}

Json job_document(const TorkJob& job, const JobState& state) {
  auto out = Json::object();
  write_summary(job, state, out);
  const MemberWriter member(out);
  out["tasks"] = tasks_document(job.tasks);
  out["execution"] = state.execution;
  out["context"] = context_document(job, state);
  member("output", job.output);
  member("defaults", job.defaults);
  member("webhooks", job.webhooks);
  if (auto permissions = permission_documents(job.permissions); !permissions.is_null())
    out["permissions"] = std::move(permissions);
  member("autoDelete", job.auto_delete);
  member.time("deleteAt", state.delete_at);
  member("secrets", job.secrets);
  return out;
}

Json task_document(const Task& task, const TaskState& state) {
  auto out = Json::object();
  write_task_head(task, state, out);
  const MemberWriter member(out);
  Fields<Task>::visit(member, task);
  member("redelivered", state.redelivered);
  member("error", state.error);
  member("nodeId", state.node_id);
  member("result", state.result);
  member.percent("progress", state.progress);
  const auto into = [&](std::string_view holder, std::string_view name, const auto& value) {
    if (const auto json = written(value); !json.is_null()) out[std::string(holder)][std::string(name)] = json;
  };
  into("retry", "attempts", state.attempts);
  if (task.parallel) into("parallel", "completions", state.completions);
  if (task.each) {
    into("each", "size", state.size);
    into("each", "completions", state.completions);
    into("each", "index", state.index);
  }
  if (task.subjob) into("subjob", "id", state.subjob_id);
  return out;
}

Json task_summary(const Task& task, const TaskState& state) {
  auto out = Json::object();
  const MemberWriter member(out);
  member("id", state.id);
  member("jobId", state.job_id);
  member("position", state.position);
  member.percent("progress", state.progress);
  member("name", task.name);
  member("description", task.description);
  member("state", state.state);
  member.time("createdAt", state.created_at);
  member.time("scheduledAt", state.scheduled_at);
  member.time("startedAt", state.started_at);
  member.time("completedAt", state.completed_at);
  member("error", state.error);
  member("result", state.result);
  member("var", task.var);
  member("tags", task.tags);
  return out;
}

Json schedule_summary(const TorkJob& job, const ScheduleState& state) {
  auto out = Json::object();
  write_schedule(job, state, out);
  return out;
}

Json schedule_document(const TorkJob& job, const ScheduleState& state) {
  auto out = Json::object();
  write_schedule(job, state, out);
  const MemberWriter member(out);
  out["tasks"] = tasks_document(job.tasks);
  member("output", job.output);
  member("defaults", job.defaults);
  member("webhooks", job.webhooks);
  if (auto permissions = permission_documents(job.permissions); !permissions.is_null())
    out["permissions"] = std::move(permissions);
  member("autoDelete", job.auto_delete);
  member("secrets", job.secrets);
  return out;
}

}  // namespace slicemill::api::tork
