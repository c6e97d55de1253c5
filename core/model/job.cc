#include "core/model/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "core/model/job_references.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr std::int64_t kMostDefaultWorkers = 5;
constexpr std::int64_t kDefaultProbationMs = 300'000;
constexpr double kLeastWorkerMemory = 32 << 20;  // below, a worker could hardly start
constexpr const char* kMemoryLimit = "resources_limits_memory";
constexpr const char* kOldMemoryLimit = "memory";

// What the server itself puts into job and execution documents: clients send it back with an update.
const std::vector<std::string>& server_keys() {
  static const std::vector<std::string> keys = {"job_id",
                                                "ex_id",
                                                "warnings",
                                                "asset_bundles",
                                                "metadata",
                                                "slicer_port",
                                                "slicer_hostname",
                                                "recovered_execution",
                                                "recovered_slice_type",
                                                "job_seq",
                                                "teraslice_version"};
  return keys;
}

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

void add_kubernetes_options(std::vector<OptionSpec>& options) {
  const auto add = [&](std::string name, std::string description) {
    options.push_back(option(std::move(name), OptionType::any, std::move(description) + " (kubernetes only)."));
  };
  add("targets", "Node labels that workers want: a list of {key, value, constraint}");
  add("cpu", "Processors of a worker, deprecated");
  add("resources_requests_cpu", "Processors requested for a worker");
  add("resources_limits_cpu", "Most processors of a worker");
  add("resources_requests_memory", "Memory requested for a worker in bytes");
  add("cpu_execution_controller", "Processors of the execution controller");
  add("memory_execution_controller", "Memory of the execution controller in bytes");
  add("ephemeral_storage", "Whether workers get a volume of their own");
  add("external_ports", "Ports that workers open: numbers or {name, port}");
  add("volumes", "Volumes to mount: a list of {name, path}");
  add("pod_spec_override", "Members laid over the pod specification");
  add("kubernetes_image", "Container image of the execution");
  add("prom_metrics_enabled", "Whether workers serve metrics");
  add("prom_metrics_port", "Port of the metrics");
  add("prom_metrics_add_default", "Whether process metrics are added");
}

std::vector<OptionSpec> make_job_options() {
  std::vector<OptionSpec> options = {
      option("name", OptionType::text, "What the job is called; not unique.", "Custom Job"),
      one_of(option("lifecycle", OptionType::text, "`once` ends when the input is done, `persistent` never.", "once"),
             {"once", "persistent"}),
      at_least(option("workers", OptionType::integer, "Worker processes; by default one per processor, at most 5.",
                      default_workers()),
               1),
      at_least(option("slicers", OptionType::integer, "How many slicers share the input, for readers that can.", 1), 1),
      option("active", OptionType::boolean, "A mark for lists; an inactive job can still be started.", true),
      option("analytics", OptionType::boolean, "Whether counts and times of each slice are kept.", true),
      option("assets", OptionType::text_list, "Bundles whose operations the job names."),
      option("autorecover", OptionType::boolean, "Whether a start goes on from where the last execution ended.", false),
      at_least(option("max_retries", OptionType::integer, "How often a failed slice is tried again.", 3), 0),
      at_least(option("probation_window", OptionType::duration_ms,
                      "Milliseconds without a new failed slice after which `failing` becomes `running` again.",
                      kDefaultProbationMs),
               0),
      at_least(option("quarantine_max_records", OptionType::integer,
                      "How many records an execution may quarantine before it is ended as failed; by default 10000. 0: "
                      "any number."),
               0),
      at_most(at_least(option("quarantine_max_percent", OptionType::number,
                              "How many of a hundred records an execution may quarantine before it is ended as failed, "
                              "judged from 1000 records on and at its end; by default any number."),
                       0),
              100),
      option("operations", OptionType::any,
             "The pipeline: a reader, any number of processors, at most one sender at the end.", Json::array()),
      option("apis", OptionType::any, "Named services that operations share.", Json::array()),
      one_of(option("log_level", OptionType::text, "Log level of this execution's processes."),
             {"trace", "debug", "info", "warn", "error", "fatal"}),
      option("stateful", OptionType::boolean, "A label for schedulers.", false),
      option("labels", OptionType::object, "Labels of the execution: names with non-empty values."),
      option("env_vars", OptionType::object,
             "Environment of the controller and the workers: names with non-empty values.", Json::object()),
  };
  const auto memory_limit = [&](std::string name, std::string description) {
    options.push_back(at_least(option(std::move(name), OptionType::bytes, std::move(description)), kLeastWorkerMemory));
  };
  memory_limit(kMemoryLimit, "Most memory of a worker process; a slice that needs more fails after its retries.");
  memory_limit(kOldMemoryLimit, "The former name of resources_limits_memory.");
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

void check_apis(const Json& config, std::vector<ValidationIssue>& issues) {
  const auto& apis = config["apis"];
  if (!apis.is_array()) {
    issues.push_back({{"apis"}, "must be an array of objects"});
    return;
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < apis.size(); ++i) {
    const auto& api = apis[i];
    const auto name = api.is_object() ? api.find("_name") : api.end();
    if (!api.is_object() || name == api.end() || !name->is_string() || name->get_ref<const std::string&>().empty()) {
      issues.push_back({{"apis", std::to_string(i), "_name"}, "This field is required and must be of type string"});
    } else if (!seen.insert(name->get<std::string>()).second) {
      issues.push_back({{"apis", std::to_string(i), "_name"},
                        fmt::format("\"{}\" is already the name of another api", name->get<std::string>())});
    }
  }
}

// ---- one operation
// ------------------------------------------------------------------------------------------------------

// One validation under way.
struct JobReading {
  const OperationCatalog& catalog;
  const JobRules& rules;
  std::vector<AssetBundle> bundles;
};

struct OperationOutcome {
  Json config;
  std::vector<std::string> errors;  // whole sentences
  const OperationSchema* schema = nullptr;
};

void check_common_fields(Json& config, const std::vector<std::string>& place, std::vector<ValidationIssue>& issues) {
  const auto at = [&](const char* field) {
    auto path = place;
    path.emplace_back(field);
    return path;
  };
  auto& encoding = config["_encoding"];
  if (encoding.is_null()) encoding = "json";
  if (encoding != "json" && encoding != "raw")
    issues.push_back({at("_encoding"), "Invalid option: expected one of \"json\"|\"raw\""});
  auto& action = config["_dead_letter_action"];
  if (action.is_null()) action = "throw";
  if (action != "throw" && action != "log" && action != "none" && action != "quarantine") {
    issues.push_back(
        {at("_dead_letter_action"),
         fmt::format("{} is not supported; use \"throw\" (the slice fails), \"log\" (the record is logged and "
                     "dropped), \"none\" (the record is dropped) or \"quarantine\" (the record is kept apart)",
                     to_compact_text(action))});
  }
}

// A glob or a name: only the beginning counts.
void apply_path_rule(std::string& path, const JobReading& reading, const std::vector<std::string>& place,
                     std::vector<ValidationIssue>& issues) {
  if (reading.rules.assets != nullptr) {
    const auto in_bundle = bundle_path(path, reading.bundles);
    if (!in_bundle) issues.push_back({place, in_bundle.error().message});
    if (in_bundle && *in_bundle) path = **in_bundle;
    if (!in_bundle || *in_bundle) return;
  }
  if (path.starts_with('/')) return;
  const PathRule& rule = reading.rules.paths;
  std::string_view relative = path;
  while (relative.starts_with("./")) relative.remove_prefix(2);
  const std::string absolute =
      rule.base.ends_with('/') ? fmt::format("{}{}", rule.base, relative) : fmt::format("{}/{}", rule.base, relative);
  if (rule.allow_relative) {
    path = absolute;
  } else {
    issues.push_back({place, fmt::format("the path \"{}\" is relative; give it as \"{}\"", path, absolute)});
  }
}

void apply_path_rules(const OperationSchema& schema, const JobReading& reading, const std::vector<std::string>& place,
                      Json& config, std::vector<ValidationIssue>& issues) {
  for (const auto& spec : schema.options) {
    const auto found = config.find(spec.name);
    if (!spec.is_path || found == config.end()) continue;
    auto path = place;
    path.push_back(spec.name);
    if (found->is_string()) apply_path_rule(found->get_ref<std::string&>(), reading, path, issues);
    if (!found->is_array()) continue;
    for (auto& item : *found) {
      if (item.is_string()) apply_path_rule(item.get_ref<std::string&>(), reading, path, issues);
    }
  }
}

OperationOutcome validate_operation(const Json& given, std::size_t index, const JobReading& reading,
                                    std::vector<std::string>& warnings) {
  OperationOutcome outcome;
  const std::vector<std::string> place = {"operations", std::to_string(index)};
  const auto op = given.is_object() ? given.find("_op") : given.end();
  if (!given.is_object() || op == given.end() || !op->is_string() || op->get_ref<const std::string&>().empty()) {
    outcome.errors.push_back(fmt::format(
        "Validation failed for operation config: undefined - {}._op: This field is required and must be of type string",
        render_path(place)));
    return outcome;
  }
  const std::string& text = op->get_ref<const std::string&>();
  const auto name = parse_qualified_name(text, "_op", reading.rules.assets != nullptr ? &reading.bundles : nullptr);
  if (!name) {
    outcome.errors.push_back(name.error().message);
    return outcome;
  }
  outcome.schema = reading.catalog.find(name->base);
  const auto single = name->asset.empty()
                          ? check_single_offer(name->base, index == 0 ? "reader" : "processor", reading.bundles)
                          : Result<void>();
  if (!single || outcome.schema == nullptr) {
    outcome.schema = nullptr;
    outcome.errors.push_back(
        (single ? cannot_find_operation(name->base, reading.catalog, reading.bundles) : single.error()).message);
    return outcome;
  }
  auto validated = validate_options(*outcome.schema, given);
  for (auto& issue : validated.issues) issue.path.insert(issue.path.begin(), place.begin(), place.end());
  for (auto& warning : validated.warnings) warnings.push_back(fmt::format("{}: {}", render_path(place), warning));
  outcome.config = std::move(validated.options);
  outcome.config["_op"] = name->text();
  check_common_fields(outcome.config, place, validated.issues);
  apply_path_rules(*outcome.schema, reading, place, outcome.config, validated.issues);
  if (!validated.issues.empty()) {
    outcome.errors.push_back(fmt::format("Validation failed for operation config: {} - {}", name->base,
                                         render_issues(validated.issues, reading.rules)));
  }
  return outcome;
}

void check_place(const OperationSchema& schema, std::size_t index, std::size_t count,
                 std::vector<ValidationIssue>& issues) {
  const std::vector<std::string> place = {"operations", std::to_string(index)};
  const bool is_reader = schema.kind == OperationKind::reader;
  if (index == 0 && !is_reader) {
    issues.push_back({place, fmt::format("\"{}\" is a {}; the first operation must be a reader", schema.name,
                                         to_string(schema.kind))});
  }
  if (index > 0 && is_reader) {
    issues.push_back({place, fmt::format("\"{}\" is a reader; a reader can only be the first operation", schema.name)});
  }
  if (index + 1 < count && schema.kind == OperationKind::sender) {
    issues.push_back({place, fmt::format("\"{}\" is a sender; a sender can only be the last operation", schema.name)});
  }
}

void validate_operations(ValidatedJob& job, const JobReading& reading, std::vector<ValidationIssue>& issues,
                         std::vector<std::string>& errors) {
  auto& operations = job.config["operations"];
  if (!operations.is_array() || operations.size() < 2) {
    issues.push_back({{"operations"}, "Operations need to be of type array with at least two operations in it"});
    return;
  }
  for (std::size_t i = 0; i < operations.size(); ++i) {
    auto outcome = validate_operation(operations[i], i, reading, job.warnings);
    std::move(outcome.errors.begin(), outcome.errors.end(), std::back_inserter(errors));
    if (outcome.schema == nullptr) continue;
    check_place(*outcome.schema, i, operations.size(), issues);
    operations[i] = std::move(outcome.config);
  }
}

}  // namespace

std::int64_t worker_memory_limit(const Json& config) {
  for (const char* field : {kMemoryLimit, kOldMemoryLimit}) {
    const auto found = config.find(field);
    if (found != config.end() && found->is_number_integer()) return found->get<std::int64_t>();
  }
  return 0;
}

std::string_view operation_name(std::string_view op) {
  return op.substr(0, op.find('@'));
}

const std::vector<OptionSpec>& job_options() {
  static const std::vector<OptionSpec> options = make_job_options();
  return options;
}

Result<ValidatedJob> validate_job(const Json& posted, const OperationCatalog& catalog, const JobRules& rules) {
  static const std::vector<OptionSpec> known = [] {
    auto specs = job_options();
    for (const auto& key : server_keys()) specs.push_back(option(key, OptionType::any, "Set by the server."));
    return specs;
  }();
  auto top = validate_against(known, posted, "job");
  ValidatedJob job{std::move(top.options), std::move(top.warnings)};
  auto& issues = top.issues;
  std::vector<std::string> errors;

  if (posted.is_object()) {
    // The one integer that the reference does not take as text.
    if (const auto retries = posted.find("max_retries"); retries != posted.end() && retries->is_string()) {
      issues.push_back({{"max_retries"}, "Invalid input: expected number, received string"});
    }
    for (const char* field : {"assets", "log_level", "labels"}) {
      if (!job.config.contains(field)) job.config[field] = nullptr;
    }
    check_named_values(job.config, "labels", issues);
    check_named_values(job.config, "env_vars", issues);
    if (!job.config.value(kMemoryLimit, Json()).is_null() && !job.config.value(kOldMemoryLimit, Json()).is_null())
      issues.push_back({{kOldMemoryLimit}, fmt::format("cannot be given beside {}", kMemoryLimit)});
    check_apis(job.config, issues);
    JobReading reading{catalog, rules, {}};
    if (rules.assets != nullptr) reading.bundles = resolve_assets(job.config, *rules.assets, errors);
    apply_apis(job.config, catalog, rules.assets != nullptr ? &reading.bundles : nullptr, rules, errors);
    validate_operations(job, reading, issues, errors);
  }
  if (!issues.empty()) {
    const bool named = posted.is_object() && posted.contains("name") && posted["name"].is_string();
    errors.insert(errors.begin(),
                  fmt::format("Validation failed for job config: {} - {}",
                              named ? posted["name"].get<std::string>() : "Custom Job", render_issues(issues, rules)));
  }
  if (!errors.empty()) return Error(ErrorCode::invalid, join(errors, "; "), false);
  return job;
}

}  // namespace slicemill
