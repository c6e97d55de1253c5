#include "api/dialects/teraslice/job/teraslice_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

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
  bool uses_now = false;
  std::set<std::string> unset;  // indices of operations that wait for parameters, as text; such a one is not judged
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
  check_encoding(encoding, at("_encoding"), issues);
  auto& action = config["_dead_letter_action"];
  if (action.is_null()) action = "throw";
  check_dead_letter_action(action, at("_dead_letter_action"), issues);
  check_connection(config, "_connection", place, issues);
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
  check_common_fields(outcome.config, place, validated.issues);
  fill_output_paths(*outcome.schema, reading, place, outcome.config, validated.issues);
  apply_path_rules(*outcome.schema, reading, place, outcome.config, validated.issues);
  if (outcome.schema->place && validated.issues.empty()) outcome.schema->place(outcome.config, reading.rules.paths);
  if (!validated.issues.empty() && !reading.unset.contains(place[1])) {
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

// What is not published by the controller, or has effects of its own, would reach the outside twice.
void check_speculation(const OperationSchema& schema, const Json& config, std::size_t index,
                       std::vector<ValidationIssue>& issues) {
  const bool repeatable = schema.repeatable || is_true(config, "repeatable");
  if (repeatable && schema.delivery != Delivery::at_least_once) return;
  issues.push_back(
      {{"speculation"},
       fmt::format("operations.{}: \"{}\" must not run twice on one slice at a time", index, schema.name)});
}

void warn_of_places(const Plan& plan, const OperationCatalog& catalog, std::vector<JobWarning>& warnings) {
  std::vector<OperationSpec> all;
  for (const PlanNode& node : plan.nodes) all.push_back(node.operation);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string& name = all[i].name;
    const auto* schema = catalog.find(name);
    if (schema == nullptr || !schema->check_place) continue;
    auto warning = schema->check_place(all[i].options, std::span(all).first(i));
    if (!warning) continue;
    warnings.push_back({.kind = JobWarning::Kind::no_effect,
                        .field = std::move(warning->option),
                        .description = std::move(warning->description),
                        .holder = JobWarning::Holder::operation,
                        .name = name,
                        .place = fmt::format("operations[{}]", i)});
  }
}

void validate_operations(ValidatedJob& job, JobReading& reading, std::vector<ValidationIssue>& issues,
                         std::vector<std::string>& errors) {
  auto& operations = job.document["operations"];
  if (!operations.is_array() || operations.size() < 2) {
    issues.push_back({{"operations"}, "Operations need to be of type array with at least two operations in it"});
    return;
  }
  if (operations.size() > kMostOperations) {
    issues.push_back(
        {{"operations"}, fmt::format("a job has at most {} operations, not {}", kMostOperations, operations.size())});
    return;
  }
  std::vector<std::pair<std::size_t, const OperationSchema*>> schemas;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    auto outcome = validate_operation(operations[i], i, reading, job.warnings);
    std::move(outcome.errors.begin(), outcome.errors.end(), std::back_inserter(errors));
    if (outcome.schema == nullptr) continue;
    check_place(*outcome.schema, i, operations.size(), issues);
    operations[i] = std::move(outcome.config);
    if (is_true(job.document, "speculation")) check_speculation(*outcome.schema, operations[i], i, issues);
    schemas.emplace_back(i, outcome.schema);
  }
  if (!issues.empty() || !errors.empty() || !reading.unset.empty()) return;
  const JobSpec spec = job_spec_of_v0(job.document);
  for (const auto& [index, schema] : schemas) {
    if (!schema->check_job) continue;
    const auto checked = schema->check_job(spec.plan.nodes[index].operation.options, {spec, reading.rules.paths});
    if (!checked) issues.push_back({{"operations", std::to_string(index)}, checked.error().message});
  }
  if (issues.empty() && errors.empty()) warn_of_places(spec.plan, reading.catalog, job.warnings);
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
    if (place.front() == "operations" && place.size() > 1) reading.unset.insert(place[1]);
    std::erase_if(issues, [&](const ValidationIssue& issue) {
      return !issue.path.empty() && issue.path.front() == place.front() && place.front() != "operations";
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
    JobReading reading{catalog, rules, {}, rules.now != 0 ? rules.now : wall_now(), name, false, {}};
    if (params != nullptr) take_params(*params, job, reading, issues);
    if (rules.assets != nullptr) reading.bundles = resolve_assets(job.document, *rules.assets, errors);
    apply_apis(job.document, catalog, rules.assets != nullptr ? &reading.bundles : nullptr, rules, job.warnings,
               errors);
    validate_operations(job, reading, issues, errors);
    if (reading.uses_now) job.document["now"] = to_iso(reading.now);
  }
  if (!issues.empty()) {
    errors.insert(errors.begin(), fmt::format("Validation failed for job config: {} - {}", shown_name(posted),
                                              render_issues(issues, rules)));
  }
  if (!errors.empty()) return Error(ErrorCode::invalid, join(errors, "; "), false);
  if (params != nullptr && !params->unset.empty()) return job;  // what it is to do is not known yet
  job.spec = job_spec_of_v0(job.document);
  job.spec.dialect = kDialectName;
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
