#include "api/dialects/teraslice/job/job_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/dialects/teraslice/job/teraslice_job.h"
#include "core/model/execution.h"
#include "core/runtime/process_variables.h"
#include "core/runtime/text.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::int64_t kMostDefaultWorkers = 5;
constexpr std::int64_t kDefaultProbationMs = 300'000;
constexpr double kLeastWorkerMemory = 32 << 20;  // below, a worker could hardly start
constexpr std::int64_t kHighestPort = 65'535;
constexpr double kMostSlicers = 1024;
constexpr double kMostRetries = 1e6;
constexpr std::int64_t kControllerPort = 45'680;  // where controllers on Kubernetes listen
// Those that operations may name. Operations here read and write by paths, so there is only the one that means nothing.
constexpr std::string_view kConnection = "default";

std::int64_t default_workers() {
  const auto cpus = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  return std::clamp<std::int64_t>(cpus, 1, kMostDefaultWorkers);
}

OptionSpec option(std::string name, OptionType type, std::string description, Json default_value = nullptr) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.type = type;
  spec.description = std::move(description);
  spec.default_value = std::move(default_value);
  return spec;
}

// `${` may mean something to what it holds.
OptionSpec code(OptionSpec spec) {
  spec.is_code = true;
  return spec;
}

OptionSpec at_least(OptionSpec spec, double minimum) {
  spec.minimum = minimum;
  return spec;
}

OptionSpec at_most(OptionSpec spec, double maximum) {
  spec.maximum = maximum;
  return spec;
}

OptionSpec one_of(OptionSpec spec, std::vector<std::string> choices) {
  spec.choices = std::move(choices);
  return spec;
}

OptionSpec replaced_by(OptionSpec spec, std::string replacement) {
  spec.replacement = std::move(replacement);
  return spec;
}

// Settings for a scheduler of containers: checked and kept, so that a job can go back to where they count.
void add_kubernetes_options(std::vector<OptionSpec>& options) {
  const auto add = [&](std::string name, OptionType type, std::string description) -> OptionSpec& {
    options.push_back(option(std::move(name), type, std::move(description) + " (kubernetes only)."));
    options.back().no_effect = true;
    return options.back();
  };
  const auto add_amount = [&](std::string name, OptionType type, std::string description) -> OptionSpec& {
    OptionSpec& spec = add(std::move(name), type, std::move(description));
    spec.minimum = 0;
    return spec;
  };
  add("targets", OptionType::any, "Node labels that workers want: a list of {key, value, constraint}");
  OptionSpec& old_cpus = add_amount(kOldCpuLimit, OptionType::number, "");
  old_cpus.replacement = kCpuLimit;
  old_cpus.no_effect = false;
  old_cpus.description = "The former name of resources_limits_cpu; without effect where no control group can be made.";
  add_amount("resources_requests_cpu", OptionType::number, "Processors requested for a worker");
  OptionSpec& cpus = add_amount(kCpuLimit, OptionType::number, "");
  cpus.no_effect = false;
  cpus.description =
      "Most processors of a worker and of what it starts, such as 0.5, by a control group; a master that can make none "
      "refuses the job.";
  add_amount("resources_requests_memory", OptionType::bytes, "Memory requested for a worker in bytes");
  add_amount("cpu_execution_controller", OptionType::number, "Processors of the execution controller");
  add_amount("memory_execution_controller", OptionType::bytes, "Memory of the execution controller in bytes");
  add("ephemeral_storage", OptionType::boolean, "Whether workers get a volume of their own");
  add("external_ports", OptionType::any, "Ports that workers open: numbers or {name, port}");
  add("volumes", OptionType::any, "Volumes to mount: a list of {name, path}");
  add("pod_spec_override", OptionType::object, "Members laid over the pod specification");
  add("kubernetes_image", OptionType::text, "Container image of the execution");
  add("prom_metrics_enabled", OptionType::boolean, "Whether workers serve metrics");
  OptionSpec& port = add("prom_metrics_port", OptionType::integer, "Port of the metrics");
  port.minimum = 1;
  port.maximum = kHighestPort;
  add("prom_metrics_add_default", OptionType::boolean, "Whether process metrics are added");
}

std::vector<OptionSpec> make_job_options() {
  std::vector<OptionSpec> options = {
      option("name", OptionType::text, "What the job is called; not unique.", "Custom Job"),
      one_of(option("lifecycle", OptionType::text, "`once` ends when the input is done, `persistent` never.", "once"),
             {"once", "persistent"}),
      at_most(at_least(option("workers", OptionType::integer,
                              "Worker processes; by default one per processor, at most 5.", default_workers()),
                       1),
              kMostWorkers),
      at_most(
          at_least(option("slicers", OptionType::integer, "How many slicers share the input, for readers that can.", 1),
                   1),
          kMostSlicers),
      option("active", OptionType::boolean, "A mark for lists; an inactive job can still be started.", true),
      option("analytics", OptionType::boolean, "Whether each operation is counted and timed.", true),
      option("assets", OptionType::text_list, "Bundles that the job uses."),
      option("autorecover", OptionType::boolean, "Whether a start goes on from where the last execution ended.", false),
      at_most(at_least(option("max_retries", OptionType::integer,
                              "How often a failed slice is tried again, with growing waits. 0: never.", 3),
                       0),
              kMostRetries),
      at_least(option("probation_window", OptionType::duration_ms,
                      "Milliseconds without a new failed slice after which `failing` becomes `running` again.",
                      kDefaultProbationMs),
               0),
      at_least(option("quarantine_max_records", OptionType::integer,
                      "How many records an execution may quarantine before it ends as failed; by default 10000. 0: "
                      "any number."),
               0),
      at_most(at_least(option("quarantine_max_percent", OptionType::number,
                              "How many of a hundred records an execution may quarantine before it ends as failed, "
                              "judged from 1000 records on and at its end; by default any number."),
                       0),
              100),
      option("speculation", OptionType::boolean,
             "Whether a slice that runs far longer than others is tried a second time on an idle worker."),
      at_least(option("speculation_multiplier", OptionType::number,
                      "How many times longer than the median slice counts as far longer; by default 3."),
               1),
      at_least(option("speculation_min_runtime", OptionType::duration_ms,
                      "Milliseconds that a slice may run in any case; by default 1000."),
               0),
      at_most(at_least(option("speculation_max_percent", OptionType::number,
                              "How many of a hundred workers may run second tries at the same time, by default "
                              "25; one always may."),
                       0),
              100),
      option("operations", OptionType::any,
             "The pipeline: a reader, any number of processors, at most one sender at the end.", Json::array()),
      code(
          option("tasks", OptionType::any,
                 "In the place of `operations`, for a job of commands: its tasks, one after the other. See tasks.md.")),
      option("task", OptionType::object, "Beside `tasks`: options of the operation `task`."),
      option("sources", OptionType::any,
             "In the place of `operations`, for a job with several sources, sinks or ways: its readers. Each operation "
             "may have an `id`, by which the job's figures, errors and outputs name it."),
      option("transforms", OptionType::any,
             "Beside `sources`: processors, each with `from`, the ids of the operations whose records it gets."),
      option("sinks", OptionType::any, "Beside `sources`: senders, and processors that end a way, each with `from`."),
      option("apis", OptionType::any, "Named sets of options, which operations take over by `_api_name`.",
             Json::array()),
      one_of(option("log_level", OptionType::text, "Log level of this execution's processes."),
             {"trace", "debug", "info", "warn", "error", "fatal"}),
      option("stateful", OptionType::boolean, "Kept and shown; has no effect here.", false),
      option("labels", OptionType::object, "Labels of the execution: names with non-empty values."),
      option(
          "params", OptionType::object,
          "Parameters of the job: names and the values that `${NAME}` has unless another one is given; null: one must "
          "be given."),
      option("env_vars", OptionType::object,
             "Environment of the controller and the workers: names with non-empty values.", Json::object()),
  };
  const auto memory_limit = [](std::string name, std::string description) {
    return at_least(option(std::move(name), OptionType::bytes, std::move(description)), kLeastWorkerMemory);
  };
  options.push_back(
      memory_limit(kMemoryLimit, "Most memory of a worker process; a slice that needs more fails after its retries."));
  options.push_back(
      replaced_by(memory_limit(kOldMemoryLimit, "The former name of resources_limits_memory."), kMemoryLimit));
  add_kubernetes_options(options);
  return options;
}

void check_named_values(const Json& config, const std::string& field, std::vector<ValidationIssue>& issues) {
  const auto found = config.find(field);
  if (found == config.end() || !found->is_object()) return;
  for (const auto& [name, value] : found->items()) {
    const bool empty = value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
    if (name.empty() || empty || value.is_structured()) {
      issues.push_back({{field, name}, "must have a name and a non-empty value (text, number or boolean)"});
    }
  }
}

bool is_given(const Json& config, const std::string& field) {
  const auto found = config.find(field);
  return found != config.end() && !found->is_null();
}

bool is_filled_text(const Json& holder, const char* member) {
  const auto found = holder.find(member);
  return found != holder.end() && found->is_string() && !found->get_ref<const std::string&>().empty();
}

// A list whose items `check` judges: "" or what is wrong.
template <typename Check>
void check_items(Json& config, const std::string& field, const Check& check, std::vector<ValidationIssue>& issues) {
  if (!is_given(config, field)) {
    config.erase(field);
    return;
  }
  Json& list = config[field];
  if (!list.is_array()) {
    issues.push_back({{field}, wrong_type("array", list).message});
    return;
  }
  for (std::size_t i = 0; i < list.size(); ++i)
    if (auto wrong = check(list[i]); !wrong.empty()) issues.push_back({{field, std::to_string(i)}, std::move(wrong)});
}

std::string wrong_target(Json& target) {
  if (!target.is_object() || !is_filled_text(target, "key") || !is_filled_text(target, "value"))
    return "must be an object with the texts key and value";
  Json& constraint = target["constraint"];
  if (constraint.is_null()) constraint = "required";
  if (constraint == "required" || constraint == "preferred" || constraint == "accepted") return "";
  return "expected one of \"required\"|\"preferred\"|\"accepted\"";
}

std::string wrong_volume(const Json& volume) {
  if (volume.is_object() && is_filled_text(volume, "name") && is_filled_text(volume, "path")) return "";
  return "must be an object with the texts name and path";
}

std::string wrong_port(const Json& port) {
  const Json number = port.is_object() && is_filled_text(port, "name") ? port.value("port", Json()) : port;
  if (!number.is_number_integer() || number < 1 || number > kHighestPort)
    return fmt::format("must be a port (1 to {}) or an object {{name, port}}", kHighestPort);
  return number == kControllerPort ? fmt::format("port {} is reserved", kControllerPort) : "";
}

void check_kubernetes(Json& config, std::vector<ValidationIssue>& issues) {
  check_items(config, "targets", wrong_target, issues);
  check_items(config, "volumes", wrong_volume, issues);
  check_items(config, "external_ports", wrong_port, issues);
  if (!config.value("pod_spec_override", Json::object()).empty())
    issues.push_back({{"pod_spec_override"}, "is not allowed; this server has no kubernetes_overrides_enabled"});
  constexpr std::array kNew = {"resources_requests_cpu", kCpuLimit, "resources_requests_memory", kMemoryLimit};
  const auto* present = std::ranges::find_if(kNew, [&](const char* field) { return is_given(config, field); });
  if (present == kNew.end()) return;
  for (const char* old : {kOldCpuLimit, kOldMemoryLimit})
    if (is_given(config, old)) issues.push_back({{old}, fmt::format("cannot be given beside {}", *present)});
}

}  // namespace

const std::vector<OptionSpec>& job_options() {
  static const std::vector<OptionSpec> options = make_job_options();
  return options;
}

void check_job_options(Json& config, std::vector<ValidationIssue>& issues) {
  for (const char* field : {"assets", "log_level", "labels"})
    if (!config.contains(field)) config[field] = nullptr;
  for (const char* field : {"operations", "apis"})
    if (config[field].is_null()) config[field] = Json::array();
  check_named_values(config, "labels", issues);
  check_named_values(config, "env_vars", issues);
  check_kubernetes(config, issues);
}

std::string wrong_variables(const Json& config) {
  const auto found = config.find("env_vars");
  if (found == config.end() || !found->is_object()) return "";
  std::size_t bytes = 0;
  for (const auto& [name, value] : found->items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : to_compact_text(value);
    if (const auto wrong = wrong_variable(name, text); !wrong.empty() && !name.empty())
      return fmt::format("env_vars.{}: {}", shown_variable(name), wrong);
    bytes += variable_bytes(name, text);
  }
  if (bytes <= kMostVariableBytes) return "";
  return fmt::format("env_vars: all variables together take {} bytes; the most is {}", bytes, kMostVariableBytes);
}

void check_encoding(const Json& given, std::vector<std::string> path, std::vector<ValidationIssue>& issues) {
  if (given != "json" && given != "raw") issues.push_back({std::move(path), "expected one of \"json\"|\"raw\""});
}

void check_dead_letter_action(const Json& given, std::vector<std::string> path, std::vector<ValidationIssue>& issues) {
  if (given == "throw" || given == "log" || given == "none" || given == "quarantine") return;
  issues.push_back(
      {std::move(path),
       fmt::format("{} is not supported; use \"throw\" (the slice fails), \"log\" (the record is logged and "
                   "dropped), \"none\" (the record is dropped) or \"quarantine\" (the record is kept apart)",
                   to_compact_text(given))});
}

void check_connection(const Json& holder, const char* field, const OperationSchema& schema,
                      const ConnectionTypes& connections, const std::vector<std::string>& place,
                      std::vector<ValidationIssue>& issues) {
  const auto given = holder.find(field);
  if (given == holder.end() || given->is_null()) return;
  auto path = place;
  path.emplace_back(field);
  if (!is_filled_text(holder, field)) {
    issues.push_back({std::move(path), "a text is required"});
    return;
  }
  const auto& name = given->get_ref<const std::string&>();
  const auto found = connections.find(name);
  const std::string& wanted = schema.connection_type;
  if (found == connections.end()) {
    if (wanted.empty() && name == kConnection) return;
    issues.push_back({std::move(path), fmt::format("no connection {} is configured; {}", to_compact_text(*given),
                                                   known_connections(connections))});
  } else if (!wanted.empty() && found->second != wanted) {
    issues.push_back({std::move(path), fmt::format("connection \"{}\" is of type {}; {} needs one of type {}", name,
                                                   found->second, schema.name, wanted)});
  }
}

}  // namespace slicemill::api::teraslice
