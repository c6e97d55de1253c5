// The fields of a job: one table, which the reader, the rules and the writer walk.
//
// visit(name, shown, member, rules): `name` is the field in JSON and YAML, `shown` its name in texts of errors, which
// existing clients read.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/dialects/tork/job/tork_job.h"

namespace slicemill::api::tork {

enum class Check : std::uint8_t { none, expression, duration, queue, cron, cpus, memory, file_names, variable_names };

struct Rules {
  bool required = false;
  std::int64_t least = INT64_MIN;  // of a number; of a list, how many items
  std::int64_t most = INT64_MAX;   // of a number; of a text, how many characters
  Check check = Check::none;
  std::string_view alias = {};  // another name of the field
};

inline constexpr std::int64_t kMostName = 256;  // characters
inline constexpr std::int64_t kMostScheduledName = 64;
inline constexpr std::int64_t kMostPriority = 9;

// kType: in errors of YAML.
template <typename T>
struct Fields;

template <>
struct Fields<Retry> {
  static constexpr std::string_view kType = "Retry";
  static void visit(auto&& field, auto& retry) {
    field("limit", "Limit", retry.limit, Rules{.required = true, .least = 1, .most = 10});
  }
};

template <>
struct Fields<Limits> {
  static constexpr std::string_view kType = "Limits";
  static void visit(auto&& field, auto& limits) {
    field("cpus", "CPUs", limits.cpus, Rules{.check = Check::cpus, .alias = "cpu"});
    field("memory", "Memory", limits.memory, Rules{.check = Check::memory});
  }
};

template <>
struct Fields<Registry> {
  static constexpr std::string_view kType = "Registry";
  static void visit(auto&& field, auto& registry) {
    field("username", "Username", registry.username, Rules{});
    field("password", "Password", registry.password, Rules{});
  }
};

template <>
struct Fields<Mount> {
  static constexpr std::string_view kType = "Mount";
  static void visit(auto&& field, auto& mount) {
    field("type", "Type", mount.type, Rules{});
    field("source", "Source", mount.source, Rules{});
    field("target", "Target", mount.target, Rules{});
    field("opts", "Opts", mount.opts, Rules{});
  }
};

template <>
struct Fields<Probe> {
  static constexpr std::string_view kType = "Probe";
  static void visit(auto&& field, auto& probe) {
    field("path", "Path", probe.path, Rules{.required = true, .most = 256});
    field("port", "Port", probe.port, Rules{.required = true, .least = 1, .most = 65'535});
    field("timeout", "Timeout", probe.timeout, Rules{.check = Check::duration});
  }
};

template <>
struct Fields<AuxTask> {
  static constexpr std::string_view kType = "AuxTask";
  static void visit(auto&& field, auto& task) {
    field("name", "Name", task.name, Rules{.required = true, .most = kMostName});
    field("description", "Description", task.description, Rules{});
    field("cmd", "CMD", task.cmd, Rules{});
    field("entrypoint", "Entrypoint", task.entrypoint, Rules{});
    field("run", "Run", task.run, Rules{});
    field("image", "Image", task.image, Rules{.most = kMostName});
    field("registry", "Registry", task.registry, Rules{});
    field("env", "Env", task.env, Rules{.check = Check::variable_names});
    field("files", "Files", task.files, Rules{.check = Check::file_names});
    field("timeout", "Timeout", task.timeout, Rules{.check = Check::duration});
  }
};

template <>
struct Fields<Sidecar> {
  static constexpr std::string_view kType = "SidecarTask";
  static void visit(auto&& field, auto& task) {
    Fields<AuxTask>::visit(field, task);
    field("probe", "Probe", task.probe, Rules{});
  }
};

template <>
struct Fields<AutoDelete> {
  static constexpr std::string_view kType = "AutoDelete";
  static void visit(auto&& field, auto& deletion) {
    field("after", "After", deletion.after, Rules{.check = Check::duration});
  }
};

template <>
struct Fields<Wait> {
  static constexpr std::string_view kType = "Wait";
  static void visit(auto&& field, auto& wait) {
    field("timeout", "Timeout", wait.timeout, Rules{.required = true, .check = Check::duration});
  }
};

template <>
struct Fields<Schedule> {
  static constexpr std::string_view kType = "Schedule";
  static void visit(auto&& field, auto& schedule) {
    field("cron", "Cron", schedule.cron, Rules{.required = true, .check = Check::cron});
  }
};

template <>
struct Fields<Webhook> {
  static constexpr std::string_view kType = "Webhook";
  static void visit(auto&& field, auto& webhook) {
    field("url", "URL", webhook.url, Rules{.required = true});
    field("headers", "Headers", webhook.headers, Rules{});
    field("event", "Event", webhook.event, Rules{});
    field("if", "If", webhook.condition, Rules{.check = Check::expression});
  }
};

template <>
struct Fields<Permission> {
  static constexpr std::string_view kType = "Permission";
  static void visit(auto&& field, auto& permission) {
    field("user", "User", permission.user, Rules{});
    field("role", "Role", permission.role, Rules{});
  }
};

template <>
struct Fields<Defaults> {
  static constexpr std::string_view kType = "Defaults";
  static void visit(auto&& field, auto& defaults) {
    field("retry", "Retry", defaults.retry, Rules{});
    field("limits", "Limits", defaults.limits, Rules{});
    field("timeout", "Timeout", defaults.timeout, Rules{.check = Check::duration});
    field("queue", "Queue", defaults.queue, Rules{.most = kMostName, .check = Check::queue});
    field("priority", "Priority", defaults.priority, Rules{.least = 0, .most = kMostPriority});
  }
};

template <>
struct Fields<Parallel> {
  static constexpr std::string_view kType = "Parallel";
  static void visit(auto&& field, auto& parallel) {
    field("tasks", "Tasks", parallel.tasks, Rules{.required = true, .least = 1});
  }
};

template <>
struct Fields<Each> {
  static constexpr std::string_view kType = "Each";
  static void visit(auto&& field, auto& each) {
    field("var", "Var", each.var, Rules{.most = 64});
    field("list", "List", each.list, Rules{.required = true, .check = Check::expression});
    field("task", "Task", each.task, Rules{.required = true});
    field("concurrency", "Concurrency", each.concurrency, Rules{.least = 0, .most = 99'999});
  }
};

template <>
struct Fields<SubJob> {
  static constexpr std::string_view kType = "SubJob";
  static void visit(auto&& field, auto& job) {
    field("name", "Name", job.name, Rules{.required = true, .most = kMostName});
    field("description", "Description", job.description, Rules{});
    field("tasks", "Tasks", job.tasks, Rules{.required = true, .least = 1});
    field("inputs", "Inputs", job.inputs, Rules{});
    field("secrets", "Secrets", job.secrets, Rules{});
    field("autoDelete", "AutoDelete", job.auto_delete, Rules{});
    field("output", "Output", job.output, Rules{.check = Check::expression});
    field("detached", "Detached", job.is_detached, Rules{});
    field("webhooks", "Webhooks", job.webhooks, Rules{});
  }
};

template <>
struct Fields<Task> {
  static constexpr std::string_view kType = "Task";
  static void visit(auto&& field, auto& task) {
    field("name", "Name", task.name, Rules{.required = true, .most = kMostName});
    field("description", "Description", task.description, Rules{});
    field("cmd", "CMD", task.cmd, Rules{});
    field("entrypoint", "Entrypoint", task.entrypoint, Rules{});
    field("run", "Run", task.run, Rules{});
    field("image", "Image", task.image, Rules{.most = kMostName});
    field("registry", "Registry", task.registry, Rules{});
    field("env", "Env", task.env, Rules{.check = Check::variable_names});
    field("files", "Files", task.files, Rules{.check = Check::file_names});
    field("queue", "Queue", task.queue, Rules{.most = kMostName, .check = Check::queue});
    field("pre", "Pre", task.pre, Rules{});
    field("post", "Post", task.post, Rules{});
    field("sidecars", "Sidecars", task.sidecars, Rules{});
    field("mounts", "Mounts", task.mounts, Rules{});
    field("networks", "Networks", task.networks, Rules{});
    field("retry", "Retry", task.retry, Rules{});
    field("limits", "Limits", task.limits, Rules{});
    field("timeout", "Timeout", task.timeout, Rules{.check = Check::duration});
    field("var", "Var", task.var, Rules{.most = 64});
    field("if", "If", task.condition, Rules{.check = Check::expression});
    field("parallel", "Parallel", task.parallel, Rules{});
    field("each", "Each", task.each, Rules{});
    field("subjob", "SubJob", task.subjob, Rules{});
    field("gpus", "GPUs", task.gpus, Rules{});
    field("tags", "Tags", task.tags, Rules{});
    field("workdir", "Workdir", task.workdir, Rules{.most = 256});
    field("priority", "Priority", task.priority, Rules{.least = 0, .most = kMostPriority});
  }
};

// A job is visited as one of these two kinds.
enum class JobKind : std::uint8_t { job, scheduled_job };

void visit_job(auto&& field, auto& job, JobKind kind) {
  const bool is_scheduled = kind == JobKind::scheduled_job;
  field("name", "Name", job.name, Rules{.required = true, .most = is_scheduled ? kMostScheduledName : kMostName});
  field("description", "Description", job.description, Rules{});
  field("tags", "Tags", job.tags, Rules{});
  field("tasks", "Tasks", job.tasks, Rules{.required = true, .least = 1});
  field("inputs", "Inputs", job.inputs, Rules{});
  field("secrets", "Secrets", job.secrets, Rules{});
  field("output", "Output", job.output, Rules{.check = Check::expression});
  field("defaults", "Defaults", job.defaults, Rules{});
  field("webhooks", "Webhooks", job.webhooks, Rules{});
  field("permissions", "Permissions", job.permissions, Rules{});
  field("autoDelete", "AutoDelete", job.auto_delete, Rules{});
  if (is_scheduled) {
    field("schedule", "Schedule", job.schedule, Rules{.required = true});
  } else {
    field("wait", "Wait", job.wait, Rules{});
  }
}

}  // namespace slicemill::api::tork
