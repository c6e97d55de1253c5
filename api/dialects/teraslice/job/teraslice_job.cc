#include "api/dialects/teraslice/job/teraslice_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "api/dialects/teraslice/job/job_graph.h"
#include "api/dialects/teraslice/job/job_options.h"
#include "api/dialects/teraslice/job/job_params.h"
#include "api/dialects/teraslice/job/job_references.h"
#include "core/model/job_dates.h"
#include "core/model/job_spec_v0.h"
#include "core/model/output_path.h"
#include "core/runtime/byte_stream.h"
#include "core/runtime/text.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::size_t kMostOperations = 1000;

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
                                                "params_given",
                                                "now",
                                                "job_seq",
                                                "teraslice_version"};
  return keys;
}

OptionSpec server_key(std::string name) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.description = "Set by the server.";
  return spec;
}

// The one integer that is taken neither from text nor from a fraction.
void check_retries(const Json& posted, std::vector<ValidationIssue>& issues) {
  const auto retries = posted.find("max_retries");
  if (retries == posted.end()) return;
  if (retries->is_string()) issues.push_back({{"max_retries"}, wrong_type("number", *retries).message});
  if (!retries->is_number_float()) return;
  if (const double number = retries->get<double>(); number != std::trunc(number))
    issues.push_back({{"max_retries"}, "must be a valid integer, zero or greater"});
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
      issues.push_back({{"apis", std::to_string(i), "_name"}, "a text is required"});
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
  WallMs now = 0;
  std::string name;  // of the job
  JobGraph graph;
  bool uses_now = false;
  std::set<std::size_t> unset;  // operations that wait for parameters; such a one is not judged
};

struct OperationOutcome {
  Json config;
  std::vector<std::string> errors;  // whole sentences
  const OperationSchema* schema = nullptr;
};

void check_common_fields(Json& config, const OperationSchema& schema, const JobRules& rules,
                         const std::vector<std::string>& place, std::vector<ValidationIssue>& issues) {
  const auto at = [&](const char* field) {
    auto path = place;
    path.emplace_back(field);
    return path;
  };
  auto& encoding = config["_encoding"];
  if (encoding.is_null()) encoding = "json";
  check_encoding(encoding, at("_encoding"), issues);
  auto& action = config["_dead_letter_action"];
  if (action.is_null()) action = "throw";
  check_dead_letter_action(action, at("_dead_letter_action"), issues);
  check_connection(config, "_connection", schema, rules.connections, place, issues);
  for (const OptionSpec& spec : schema.options) {
    if (!spec.names_connections || !config.contains(spec.name) || !config[spec.name].is_object()) continue;
    for (const auto& [key, name] : config[spec.name].items()) {
      if (!name.is_string()) continue;  // its check says so
      auto path = at(spec.name.c_str());
      check_connection(config[spec.name], key.c_str(), schema, rules.connections, path, issues);
    }
  }
  const auto connection = config.find("_connection");
  if (!schema.connection_type.empty() && (connection == config.end() || connection->is_null())) {
    issues.push_back({at("_connection"), fmt::format("This field is required: a connection of type {}; {}",
                                                     schema.connection_type, known_connections(rules.connections))});
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
  const PathRule& rule = reading.rules.paths;
  if (is_of_own_process(path) && !rule.allow_relative) {
    issues.push_back({place, fmt::format("\"{}\" is something else in each process: only `slicemill run` can read its "
                                         "standard input; give a file or a named pipe",
                                         path)});
  }
  if (path.starts_with('/')) return;
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

// The options with moments in the place of relative dates.
Json with_moments(const OperationSchema& schema, const Json& given, JobReading& reading,
                  std::vector<ValidationIssue>& issues) {
  Json options = given;
  if (resolve_dates(schema, options, reading.now, issues)) reading.uses_now = true;
  return options;
}

bool has_dates(const OperationSchema& schema) {
  return std::ranges::any_of(schema.options, [](const OptionSpec& spec) { return spec.date != DateUse::none; });
}

void fill_output_paths(const OperationSchema& schema, JobReading& reading, const std::vector<std::string>& place,
                       Json& config, std::vector<ValidationIssue>& issues) {
  bool split = false;
  for (const auto& spec : schema.options) {
    const auto found = config.find(spec.name);
    if (!spec.is_output || found == config.end() || !found->is_string()) continue;
    auto& path = found->get_ref<std::string&>();
    if (!has_output_placeholder(path)) continue;
    auto filled = fill_output_path(path, {reading.now, reading.name, reading.rules.lineage});
    if (!filled) {
      issues.push_back({{place[0], place[1], spec.name}, filled.error().message});
      continue;
    }
    path = std::move(filled->path);
    reading.uses_now = true;
    if (!filled->own_words.empty()) config[kPlaceholdersOption] = std::move(filled->own_words);
    if (filled->subdirectory.empty()) continue;
    split = true;
    if (config.contains(kSubdirectoryOption))
      issues.push_back({{place[0], place[1], kSubdirectoryOption}, "name the fields in `path`, or here"});
    else
      config[kSubdirectoryOption] = std::move(filled->subdirectory);
  }
  if (!split || !issues.empty() || !schema.check) return;
  if (const auto checked = schema.check(config); !checked)
    issues.push_back({{place[0], place[1]}, checked.error().message});
}

// What the operation itself says to its options, which it knows by its own names.
void check_options(const OperationSchema& schema, ValidatedOptions& validated) {
  if (!validated.issues.empty() || !schema.check) return;
  const auto encoding = validated.options.find("_encoding");
  const bool is_raw = encoding != validated.options.end() && *encoding == "raw";
  const auto check = [&]() -> Result<void> {
    if (!is_raw && !validated.options.contains(kEncodingOption)) return schema.check(validated.options);
    Json options = validated.options;
    options.erase(kEncodingOption);  // a key that means nothing
    if (is_raw) options[kEncodingOption] = "raw";
    return schema.check(options);
  };
  const auto checked = check();
  if (checked) return;
  const bool is_of_encoding = checked.error().message.starts_with(std::string(kEncodingOption) + ": ");
  validated.issues.push_back({{}, (is_of_encoding ? "_" : "") + checked.error().message});
}

OperationOutcome validate_operation(const Json& given, std::size_t index, JobReading& reading,
                                    std::vector<JobWarning>& warnings) {
  OperationOutcome outcome;
  const std::vector<std::string> place = reading.graph.place(index);
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
  const bool is_first_of_way = reading.graph.is_graph() ? place.front() == "sources" : index == 0;
  const auto single = name->asset.empty()
                          ? check_single_offer(name->base, is_first_of_way ? "reader" : "processor", reading.bundles)
                          : Result<void>();
  if (!single || outcome.schema == nullptr) {
    outcome.schema = nullptr;
    outcome.errors.push_back(
        (single ? cannot_find_operation(name->base, reading.catalog, reading.bundles) : single.error()).message);
    return outcome;
  }
  std::vector<ValidationIssue> wrong_dates;
  auto validated =
      has_dates(*outcome.schema)
          ? validate_against(outcome.schema->options, with_moments(*outcome.schema, given, reading, wrong_dates))
          : validate_against(outcome.schema->options, given);
  check_options(*outcome.schema, validated);
  validated.issues.insert(validated.issues.begin(), wrong_dates.begin(), wrong_dates.end());
  for (auto& issue : validated.issues) issue.path.insert(issue.path.begin(), place.begin(), place.end());
  for (auto& warning : validated.warnings) {
    warning.holder = JobWarning::Holder::operation;
    warning.name = name->base;
    warning.place = render_path(place);
    warnings.push_back(std::move(warning));
  }
  outcome.config = std::move(validated.options);
  outcome.config["_op"] = name->text();
  check_common_fields(outcome.config, *outcome.schema, reading.rules, place, validated.issues);
  fill_output_paths(*outcome.schema, reading, place, outcome.config, validated.issues);
  apply_path_rules(*outcome.schema, reading, place, outcome.config, validated.issues);
  if (outcome.schema->place && validated.issues.empty()) outcome.schema->place(outcome.config, reading.rules.paths);
  if (!validated.issues.empty() && !reading.unset.contains(index)) {
    outcome.errors.push_back(fmt::format("Validation failed for operation config: {} - {}", name->base,
                                         render_issues(validated.issues, reading.rules)));
  }
  return outcome;
}

// What is not published by the controller, or has effects of its own, would reach the outside twice.
void check_speculation(const OperationSchema& schema, const Json& config, const std::vector<std::string>& place,
                       std::vector<ValidationIssue>& issues) {
  const bool repeatable = schema.repeatable || is_true(config, "repeatable");
  if (repeatable && schema.commit != CommitClass::at_least_once) return;
  issues.push_back(
      {{"speculation"},
       fmt::format("{}: \"{}\" must not run twice on one slice at a time", join(place, "."), schema.name)});
}

// The operations that records pass before they come to the node, if there is only one way.
std::vector<OperationSpec> operations_before(const Plan& plan, std::size_t node) {
  std::vector<OperationSpec> before;
  while (plan.nodes[node].inputs.size() == 1) {
    node = plan.nodes[node].inputs.front();
    before.push_back(plan.operation(node));
  }
  if (!plan.nodes[node].inputs.empty()) return {};
  std::ranges::reverse(before);
  return before;
}

void warn_of_places(const Plan& plan, const JobReading& reading, std::vector<JobWarning>& warnings) {
  for (std::size_t node = 0; node < plan.size(); ++node) {
    const std::string& name = plan.operation(node).name;
    const auto* schema = reading.catalog.find(name);
    if (schema == nullptr || !schema->check_place) continue;
    auto warning = schema->check_place(plan.operation(node).options, operations_before(plan, node));
    if (!warning) continue;
    warnings.push_back({.kind = JobWarning::Kind::no_effect,
                        .field = std::move(warning->option),
                        .description = std::move(warning->description),
                        .holder = JobWarning::Holder::operation,
                        .name = name,
                        .place = reading.graph.is_graph() ? plan.nodes[node].id : fmt::format("operations[{}]", node)});
  }
}

// The document with its operations in one list, and the graph that they are.
JobSpec spec_of(const Json& document, const JobGraph& graph) {
  JobSpec spec = job_spec_of_v0(document);
  if (!graph.is_graph()) return spec;
  std::vector<OperationSpec> operations;
  for (PlanNode& node : spec.plan.nodes) operations.push_back(std::move(node.operation));
  spec.plan = graph.plan(std::move(operations));
  return spec;
}

void validate_operations(ValidatedJob& job, JobReading& reading, std::vector<ValidationIssue>& issues,
                         std::vector<std::string>& errors) {
  auto& operations = job.document["operations"];
  if (!reading.graph.is_graph() && (!operations.is_array() || operations.size() < 2)) {
    issues.push_back({{"operations"}, "Operations need to be of type array with at least two operations in it"});
    return;
  }
  if (operations.size() > kMostOperations) {
    issues.push_back(
        {{"operations"}, fmt::format("a job has at most {} operations, not {}", kMostOperations, operations.size())});
    return;
  }
  std::vector<const OperationSchema*> schemas(operations.size());
  for (std::size_t i = 0; i < operations.size(); ++i) {
    auto outcome = validate_operation(operations[i], i, reading, job.warnings);
    std::move(outcome.errors.begin(), outcome.errors.end(), std::back_inserter(errors));
    schemas[i] = outcome.schema;
    if (outcome.schema == nullptr) continue;
    operations[i] = std::move(outcome.config);
    if (is_true(job.document, "speculation"))
      check_speculation(*outcome.schema, operations[i], reading.graph.place(i), issues);
  }
  reading.graph.check(schemas, issues);
  if (!issues.empty() || !errors.empty() || !reading.unset.empty()) return;
  const JobSpec spec = spec_of(job.document, reading.graph);
  for (std::size_t i = 0; i < schemas.size(); ++i) {
    if (!schemas[i]->check_job) continue;
    const std::size_t node = reading.graph.node_of(spec.plan, i);
    const auto checked =
        schemas[i]->check_job(spec.plan.operation(node).options, {spec, reading.rules.paths, node, reading.catalog});
    if (!checked) issues.push_back({reading.graph.place(i), checked.error().message});
  }
  reading.graph.check_sinks(spec.plan, issues);
  if (issues.empty() && errors.empty()) warn_of_places(spec.plan, reading, job.warnings);
}

// `cpu` comes from clients that know it from elsewhere: it limits where it can. The new name was chosen.
void check_cpu_limit(ValidatedJob& job, const JobRules& rules, std::vector<ValidationIssue>& issues) {
  if (rules.no_cpu_limit && rules.no_cpu_limit->empty()) return;
  for (const char* field : {kOldCpuLimit, kCpuLimit}) {
    const auto given = job.document.find(field);
    if (given == job.document.end() || !given->is_number()) continue;
    if (rules.no_cpu_limit && field == std::string_view(kCpuLimit)) {
      issues.push_back(
          {{field}, fmt::format("the processors of a worker cannot be limited here: {}", *rules.no_cpu_limit)});
    } else {
      job.warnings.push_back(
          {JobWarning::Kind::no_effect, field, fmt::format("key \"{}\" is kept but has no effect here", field)});
    }
  }
}

// For messages: so short that what follows it is read too.
std::string shown_name(const Json& posted) {
  constexpr std::size_t kShownBytes = 200;
  const auto name = posted.is_object() ? posted.find("name") : posted.end();
  if (name == posted.end() || !name->is_string()) return "Custom Job";
  const auto& text = name->get_ref<const std::string&>();
  if (text.size() <= kShownBytes) return text;
  std::size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a character
  return text.substr(0, end) + "...";
}

}  // namespace

std::string_view operation_name(std::string_view op) {
  return op.substr(0, op.find('@'));
}

namespace {

WallMs wall_now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// What parameters make of a job, and what waits for them.
void take_params(const ResolvedParams& params, ValidatedJob& job, JobReading& reading,
                 std::vector<ValidationIssue>& issues) {
  job.warnings.insert(job.warnings.end(), params.warnings.begin(), params.warnings.end());
  if (!params.values.empty()) job.document["params"] = params.values;
  if (!params.given.empty()) job.document["params_given"] = params.given;
  for (const auto& place : params.unset) {
    const bool is_of_operation = std::ranges::find(kOperationLists, place.front()) != kOperationLists.end();
    if (place.front() == kTasksMember) reading.unset.insert(0);
    if (is_of_operation && place.size() > 1) reading.unset.insert(reading.graph.index_at(place[0], place[1]));
    std::erase_if(issues, [&](const ValidationIssue& issue) {
      return !issue.path.empty() && issue.path.front() == place.front() && !is_of_operation;
    });
    job.warnings.push_back({.kind = JobWarning::Kind::ambiguous,
                            .field = place.front(),
                            .description = fmt::format("{} has a parameter without a value: it is checked when the job "
                                                       "is started",
                                                       render_path(place))});
  }
}

Result<ValidatedJob> validate_resolved(const Json& posted, const ResolvedParams* params,
                                       const OperationCatalog& catalog, const JobRules& rules) {
  static const std::vector<OptionSpec> known = [] {
    auto specs = job_options();
    for (const auto& key : server_keys()) specs.push_back(server_key(key));
    return specs;
  }();
  auto top = validate_against(known, posted);
  ValidatedJob job{{}, std::move(top.options), std::move(top.warnings)};
  auto& issues = top.issues;
  std::vector<std::string> errors;
  JobGraph graph;

  if (posted.is_object()) {
    for (const char* resolved : {"now", "params_given"})
      job.document.erase(resolved);  // of an execution sent back as a job
    check_retries(posted, issues);
    check_job_options(job.document, issues);
    check_cpu_limit(job, rules, issues);
    if (const auto wrong = wrong_variables(job.document); !wrong.empty())
      errors.push_back(fmt::format("Validation failed for job config: {} - {}", shown_name(posted), wrong));
    check_apis(job.document, issues);
    const std::string name =
        job.document.value("name", Json()).is_string() ? job.document["name"].get<std::string>() : "";
    JobReading reading{catalog, rules, {}, rules.now != 0 ? rules.now : wall_now(), name, {}, false, {}};
    reading.graph = JobGraph::take(job.document, issues);
    if (params != nullptr) take_params(*params, job, reading, issues);
    if (rules.assets != nullptr) reading.bundles = resolve_assets(job.document, *rules.assets, errors);
    apply_apis(job.document, catalog, rules.assets != nullptr ? &reading.bundles : nullptr, rules, reading.graph,
               job.warnings, errors);
    validate_operations(job, reading, issues, errors);
    if (reading.uses_now) job.document["now"] = to_iso(reading.now);
    graph = std::move(reading.graph);
  }
  if (!issues.empty()) {
    errors.insert(errors.begin(), fmt::format("Validation failed for job config: {} - {}", shown_name(posted),
                                              render_issues(issues, rules)));
  }
  if (!errors.empty()) return Error(ErrorCode::invalid, join(errors, "; "), false);
  const bool is_known = params == nullptr || params->unset.empty();  // what it is to do
  if (is_known) {
    job.spec = spec_of(job.document, graph);
    job.spec.dialect = kDialectName;
  }
  graph.put_back(job.document);
  return job;
}

}  // namespace

Result<ValidatedJob> validate_job(const Json& posted, const OperationCatalog& catalog, const JobRules& rules) {
  const auto params = resolve_params(posted, catalog, rules.params);
  if (!params) return validate_resolved(posted, nullptr, catalog, rules);
  if (!params->issues.empty()) {
    return Error(ErrorCode::invalid,
                 fmt::format("Validation failed for job config: {} - {}", shown_name(posted),
                             render_issues(params->issues, rules)),
                 false);
  }
  return validate_resolved(params->job, &*params, catalog, rules);
}

}  // namespace slicemill::api::teraslice
