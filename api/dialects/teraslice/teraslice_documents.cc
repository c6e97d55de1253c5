#include "api/dialects/teraslice/teraslice_documents.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/dialects/teraslice/asset_manifest.h"
#include "api/dialects/teraslice/job/falsy.h"
#include "api/dialects/teraslice/job/job_graph.h"
#include "api/dialects/teraslice/job/job_params.h"
#include "api/dialects/teraslice/job/teraslice_job.h"
#include "api/dialects/teraslice/teraslice_fields.h"
#include "api/dialects/teraslice/teraslice_json.h"
#include "api/dialects/teraslice/teraslice_version.h"
#include "core/model/end_reason.h"
#include "core/model/stats_json.h"
#include "core/runtime/clock.h"
#include "core/runtime/json_writer.h"

namespace slicemill::api::teraslice {
namespace {

// Set by the server only; a client that sends back what it read must not be able to change them.
constexpr std::array<std::string_view, 9> kJobServerFields = {
    "job_id", "_context", "_created", "_updated", "_deleted", "_deleted_on", "warnings", "ex", "job_seq"};
constexpr std::array<std::string_view, 23> kExecutionFacts = {"ex_id",
                                                              "redriven_records",
                                                              "job_id",
                                                              "_context",
                                                              "_status",
                                                              "_created",
                                                              "_updated",
                                                              "_has_errors",
                                                              "_failureReason",
                                                              "_slicer_stats",
                                                              "metadata",
                                                              "teraslice_version",
                                                              "relocatable",
                                                              "log_path",
                                                              "log_directory",
                                                              "ledger_directory",
                                                              "recovered_execution",
                                                              "recovered_slice_type",
                                                              "_deleted",
                                                              "_deleted_on",
                                                              "_status_reason",
                                                              "progress",
                                                              "summary"};

template <std::size_t N>
void erase_members(Json& json, const std::array<std::string_view, N>& names) {
  for (const std::string_view name : names) json.erase(std::string(name));
}

std::string name_of(const Json& json) {
  const auto found = json.find("name");
  return found != json.end() && found->is_string() ? found->get<std::string>() : "Custom Job";
}

bool is_active(const Json& posted) {
  const auto found = posted.find("active");
  return found == posted.end() || !found->is_boolean() || found->get<bool>();
}

void add_deletion(const std::optional<WallMs>& deleted_on, JsonMembers& members) {
  if (!deleted_on) return;
  members.emplace_back("_deleted", "true");
  members.emplace_back("_deleted_on", json_string(to_iso(*deleted_on)));
}

// The list of bundles may have parameters too.
Json with_resolved_assets(const Json& job, const OperationCatalog& catalog) {
  Json part = Json::object();
  for (const char* member : {"assets", "params"})
    if (job.is_object() && job.contains(member)) part[member] = job[member];
  const auto resolved = resolve_params(part, catalog, {.may_be_unset = true});
  return resolved ? resolved->job : part;
}

Json process_document(const ClusterProcess& process) {
  Json json = {{"worker_id", process.ordinal},
               {"assignment", process.is_controller ? "execution_controller" : "worker"},
               {"pid", process.pid}};
  json["ex_id"] = process.ex_id.text;
  json["job_id"] = process.job_id.text;
  if (!process.is_controller) json["worker"] = process.worker_id.text;
  return json;
}

void add_words(const Json& value, std::string& words) {
  if (value.is_string() || value.is_number())
    words.append(words.empty() ? "" : " ").append(value.is_string() ? value.get<std::string>() : value.dump());
}

// The texts in a member: itself, those of a list, or the names and values of an object.
std::string words_in(const Json& document, const char* member) {
  std::string words;
  const auto found = document.find(member);
  if (found == document.end()) return words;
  if (!found->is_structured()) add_words(*found, words);
  if (found->is_array())
    for (const Json& item : *found) add_words(item, words);
  if (found->is_object()) {
    for (const auto& [name, value] : found->items()) {
      add_words(Json(name), words);
      add_words(value, words);
    }
  }
  return words;
}

void append_words(std::string& words, const std::string& further) {
  if (!further.empty()) words.append(words.empty() ? "" : " ").append(further);
}

class TerasliceJobs final : public JobDialect {
 public:
  std::string_view name() const override { return kDialectName; }

  Result<void> check_posted(const Json& posted) const override {
    if (!posted.is_object() || !has_operations(posted)) return Error{ErrorCode::invalid, "No job was posted"};
    if (!is_falsy(posted, "job_id")) return Error{ErrorCode::invalid, "Job cannot include a job_id on submit"};
    return {};
  }

  Result<ValidatedJob> validate(const Json& posted, const OperationCatalog& catalog,
                                const JobRules& rules) const override {
    return validate_job(posted, catalog, rules);
  }

  std::vector<std::string> bundles_named(const Json& posted, const OperationCatalog& catalog) const override {
    const Json part = with_resolved_assets(posted, catalog);
    std::vector<std::string> names;
    const auto list = part.find("assets");
    if (list == part.end()) return names;
    for (const Json& item : list->is_array() ? *list : Json::array({*list}))
      names.push_back(item.is_string() ? item.get<std::string>() : item.dump());
    return names;
  }

  bool is_active(const Json& posted) const override { return teraslice::is_active(posted); }

  PostedJob take(Json posted) const override {
    erase_members(posted, kJobServerFields);
    return {to_compact_text(posted), name_of(posted), teraslice::is_active(posted)};
  }

  JsonMembers mark_members(bool active) const override { return {{"active", active ? "true" : "false"}}; }

  JsonMembers job_members(const JobFacts& facts) const override {
    JsonMembers members = {{"job_id", json_string(facts.job_id.text)},
                           {"_context", json_string("job")},
                           {"_created", json_string(to_iso(facts.created))},
                           {"_updated", json_string(to_iso(facts.updated))}};
    add_deletion(facts.deleted_on, members);
    return members;
  }

  Json execution_document(Json json, const ExecutionFacts& facts, const BirthFacts& creation) const override {
    erase_members(json, kExecutionFacts);
    if (!creation.redriven_records.is_null()) json["redriven_records"] = creation.redriven_records;
    json["ex_id"] = facts.ex_id.text;
    json["job_id"] = facts.job_id.text;
    json["_context"] = "ex";
    json["_status"] = to_string(facts.status);
    json["_created"] = to_iso(facts.created);
    json["_updated"] = to_iso(facts.updated);
    json["_has_errors"] = false;
    json["_failureReason"] = "";
    json["_slicer_stats"] = Json::object();
    json["metadata"] = Json::object();
    json["teraslice_version"] = fmt::format("v{}", kVersion);
    json["relocatable"] = true;
    if (!creation.recovered_execution.empty()) {
      json["recovered_execution"] = creation.recovered_execution.text;
      if (!creation.recovered_slice_type.empty()) json["recovered_slice_type"] = creation.recovered_slice_type;
    }
    return json;
  }

  std::string shown_reason(const ExecutionId& ex_id, const std::string& reason) const override {
    const EndReason parts = parse_end_reason(reason);
    if (const auto* slices = std::get_if<SlicesFailed>(&parts)) {
      return fmt::format("execution: {} had {} slice failure{} during processing{}{}", ex_id.text, slices->count,
                         slices->count == 1 ? "" : "s", slices->first.empty() ? "" : "; the first: ", slices->first);
    }
    if (const auto* source = std::get_if<SourceFailed>(&parts)) {
      return fmt::format("slicer for ex {} had an error, shutting down execution, caused by Error: {}", ex_id.text,
                         source->cause);
    }
    if (const auto* failing = std::get_if<SliceHasFailed>(&parts)) {
      return fmt::format("execution {} has encountered a processing error, reason: slice failure {}", ex_id.text,
                         failing->is_recent ? "watch dog" : "event");
    }
    return reason;
  }

  JsonMembers execution_members(const ExecutionFacts& facts) const override {
    JsonMembers members = {{"_status", json_string(to_string(facts.status))},
                           {"_created", json_string(to_iso(facts.created))},
                           {"_updated", json_string(to_iso(facts.updated))},
                           {"_has_errors", facts.has_errors ? "true" : "false"},
                           {"_failureReason", json_string(shown_reason(facts.ex_id, facts.reason))}};
    if (!facts.live_reason.empty()) members.emplace_back("_status_reason", json_string(facts.live_reason));
    const bool has_ended = is_terminal(facts.status);
    if (facts.live_progress && !has_ended) {
      members.emplace_back("progress", progress_json(*facts.live_progress));
    } else {
      members.emplace_back("progress",
                           progress_json(facts.stats ? without_rates(facts.stats->progress) : Progress{.unit = ""}));
    }
    if (has_ended && facts.stats && facts.stats->summary) members.emplace_back("summary", summary_json(*facts.stats));
    members.emplace_back("_slicer_stats", facts.stats ? counters_json(*facts.stats).take() : "{}");
    add_deletion(facts.deleted_on, members);
    return members;
  }

  JsonMembers place_members(const std::string& log_directory, const std::string& ledger_directory) const override {
    return {{"log_directory", json_string(log_directory)},
            {"ledger_directory", json_string(ledger_directory)},
            {"log_path", json_string(log_directory + "/controller.log")}};
  }

  Json slice_document(Json record) const override {
    Json document = Json::object();
    for (auto& [name, value] : record.items())
      document[name == "created" || name == "updated" ? "_" + name : name] = std::move(value);
    return document;
  }

  Json removal_document(const ExecutionId& ex_id, const JobId& job_id, WallMs at) const override {
    return {{"ex_id", ex_id.text}, {"job_id", job_id.text}, {"_deleted", true}, {"_deleted_on", to_iso(at)}};
  }

  Json bundle_document(WallMs created, const Json& facts) const override {
    Json document = {{"_created", to_iso(created)}};
    document.update(facts);
    return document;
  }

  Json cluster_info(const ClusterFacts& facts) const override {
    return {{"arch", kArchitecture}, {"clustering_type", "native"},
            {"name", facts.name},    {"node_version", kNodeVersion},
            {"platform", kPlatform}, {"teraslice_version", fmt::format("v{}", kVersion)}};
  }

  Json cluster_state(const ClusterFacts& facts) const override {
    Json active = Json::array();
    // One process is both, and neither takes a slot.
    active.push_back({{"worker_id", 1}, {"assignment", "cluster_master"}, {"pid", facts.master_pid}});
    active.push_back({{"worker_id", 2}, {"assignment", "assets_service"}, {"pid", facts.master_pid}});
    std::int64_t workers = 0;
    for (const ClusterProcess& process : facts.processes) {
      active.push_back(process_document(process));
      if (!process.is_controller) ++workers;
    }
    Json state = {{"node_id", facts.hostname},     {"hostname", facts.address},
                  {"pid", facts.master_pid},       {"node_version", kNodeVersion},
                  {"teraslice_version", kVersion}, {"total", facts.slots},
                  {"state", "connected"},          {"available", std::max<std::int64_t>(facts.slots - workers, 0)},
                  {"active", std::move(active)}};
    if (!facts.obstacle.empty()) state["obstacle"] = facts.obstacle;
    return {{facts.hostname, std::move(state)}};
  }

  Result<AssetManifest> read_manifest(std::string_view text) const override { return parse_manifest(text); }

  std::string_view execution_member() const override { return "ex"; }
  std::span<const std::string_view> fact_members() const override { return kExecutionFacts; }
  std::span<const query::Field> job_fields() const override { return teraslice::job_fields(); }
  std::span<const query::Field> execution_fields() const override { return teraslice::execution_fields(); }

  SearchTexts search_texts(const Json& document) const override {
    SearchTexts texts;
    if (!document.is_object()) return texts;
    texts.name = words_in(document, "name");
    texts.labels = words_in(document, "labels");
    append_words(texts.labels, words_in(document, "tags"));
    texts.description = words_in(document, "description");
    const auto add_names = [&](const char* list, const char* name) {
      const auto found = document.find(list);
      if (found == document.end() || !found->is_array()) return;
      for (const Json& item : *found)
        if (item.is_object()) append_words(texts.operations, words_in(item, name));
    };
    for (const char* list : kOperationLists) add_names(list, "_op");
    add_names("apis", "_name");
    append_words(texts.operations, words_in(document, "assets"));
    return texts;
  }
};

Json operation_document(const OperationSpec& operation) {
  Json json = {{"_op", operation.shown_name()}};
  for (const auto& [name, value] : operation.options.items())
    if (name != kEncodingOption) json[name] = value;
  json["_encoding"] = operation.is_raw() ? "raw" : "json";
  const bool fails = operation.bad_records == BadRecords::fail_slice;
  const bool drops = operation.bad_records == BadRecords::drop;
  json["_dead_letter_action"] = fails ? "throw" : drops ? "none" : to_string(operation.bad_records);
  return json;
}

// In the form in which they were posted.
void put_operations(const Plan& plan, Json& json) {
  if (plan.form == Plan::Form::list) {
    Json& operations = json["operations"] = Json::array();
    for (const PlanNode& node : plan.nodes) operations.push_back(operation_document(node.operation));
    return;
  }
  for (const char* list : kGraphLists) json[list] = Json::array();
  for (std::size_t node = 0; node < plan.size(); ++node) {
    const PlanNode& at = plan.nodes[node];
    Json operation = operation_document(at.operation);
    operation["id"] = at.id;
    for (const std::size_t input : at.inputs) operation["from"].push_back(plan.nodes[input].id);
    const bool is_sink = plan.outputs_of(node).empty();
    json[at.inputs.empty() ? "sources" : is_sink ? "sinks" : "transforms"].push_back(std::move(operation));
  }
}

}  // namespace

const JobDialect& job_dialect() {
  static const TerasliceJobs dialect;
  return dialect;
}

Json document_of(const JobSpec& spec) {
  Json json = {{"name", spec.name},
               {"lifecycle", spec.persistent ? "persistent" : "once"},
               {"workers", spec.workers},
               {"slicers", spec.slicers},
               {"analytics", spec.measures},
               {"autorecover", spec.goes_on},
               {"max_retries", spec.max_retries},
               {"probation_window", spec.probation_ms}};
  if (spec.most_quarantined) json["quarantine_max_records"] = *spec.most_quarantined;
  if (spec.most_quarantined_percent) json["quarantine_max_percent"] = *spec.most_quarantined_percent;
  if (spec.speculation != SpeculationSettings{}) {
    json["speculation"] = spec.speculation.enabled;
    json["speculation_multiplier"] = spec.speculation.multiplier;
    json["speculation_min_runtime"] = spec.speculation.least_ms;
    json["speculation_max_percent"] = spec.speculation.most_percent;
  }
  json["log_level"] = spec.log_level.empty() ? Json() : Json(spec.log_level);
  Json& variables = json["env_vars"] = Json::object();
  for (const auto& [name, value] : spec.environment) variables[name] = value;
  if (spec.worker_memory_limit != 0) json["resources_limits_memory"] = spec.worker_memory_limit;
  if (spec.worker_cpu_limit != 0) json["resources_limits_cpu"] = spec.worker_cpu_limit;
  put_operations(spec.plan, json);
  if (!spec.bundles.empty()) {
    Json& assets = json["assets"] = Json::array();
    for (const AssetBundle& bundle : spec.bundles) assets.push_back(bundle.id);
    json["asset_bundles"] = to_json(spec.bundles);
  }
  if (!spec.params.empty()) json["params"] = spec.params;
  if (!spec.params_given.empty()) json["params_given"] = spec.params_given;
  if (spec.now != 0) json["now"] = to_iso(spec.now);
  if (!spec.redriven_records.is_null()) json["redriven_records"] = spec.redriven_records;
  if (!spec.ex_id.empty()) json["ex_id"] = spec.ex_id;
  if (!spec.job_id.empty()) json["job_id"] = spec.job_id;
  return json;
}

}  // namespace slicemill::api::teraslice
