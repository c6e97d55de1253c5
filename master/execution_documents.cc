#include "master/execution_documents.h"

#include <fmt/core.h>

#include <array>
#include <utility>

#include "core/model/mended_records.h"
#include "core/runtime/clock.h"

namespace slicemill::master {

namespace {

// Set by the server only; a client that sends back what it read must not be able to change them.
constexpr std::array kJobServerFields = {"job_id",      "_context", "_created", "_updated", "_deleted",
                                         "_deleted_on", "warnings", "ex",       "job_seq"};
constexpr std::array kExecutionFields = {"ex_id",
                                         kRedrivenRecords,
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
void erase_fields(Json& json, const std::array<const char*, N>& fields) {
  for (const char* field : fields) json.erase(field);
}

std::string text_or(const Json& json, const char* field, std::string otherwise) {
  const auto found = json.find(field);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::move(otherwise);
}

bool not_false(const Json& json, const char* field) {
  const auto found = json.find(field);
  return found == json.end() || !found->is_boolean() || found->get<bool>();
}

Result<Json> parse_stored(const std::string& doc, const char* kind, const std::string& id) {
  auto json = parse_json(doc);
  if (!json)
    return Error{ErrorCode::corrupt,
                 fmt::format("registry: the document of {} {} is broken: {}", kind, id, json.error().message)};
  if (!json->is_object())
    return Error{ErrorCode::corrupt, fmt::format("registry: the document of {} {} is no object", kind, id)};
  return json;
}

std::string quoted(const std::string& text) {
  return to_compact_text(Json(text));
}

void add_deletion(WallMs deleted_on, JsonMembers& members) {
  members.emplace_back("_deleted", "true");
  members.emplace_back("_deleted_on", quoted(to_iso(deleted_on)));
}

// The member, which is taken out; "" if there is none.
std::string take_text(Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  std::string text = to_compact_text(*found);
  object.erase(found);
  return text;
}

}  // namespace

void lay_over(const JsonMembers& members, Json& json) {
  for (const auto& [name, value] : members) json[name] = Json::parse(value);
}

JsonMembers job_members(const JobRow& row) {
  JsonMembers members = {{"job_id", quoted(row.job_id.text)},
                         {"_context", quoted("job")},
                         {"_created", quoted(to_iso(row.created))},
                         {"_updated", quoted(to_iso(row.updated))}};
  if (row.deleted) add_deletion(row.deleted_on, members);
  return members;
}

std::string without_rates(const std::string& progress) {
  auto json = parse_json(progress);
  if (!json || !json->is_object()) return progress;
  for (const char* rate : {"rate", "bytes_rate", "eta", "eta_low", "eta_high"}) (*json)[rate] = nullptr;
  return to_compact_text(*json);
}

JsonMembers execution_members(const ExecutionRow& row, const LiveFacts& live) {
  JsonMembers members = {{"_status", quoted(std::string(to_string(row.status)))},
                         {"_created", quoted(to_iso(row.created))},
                         {"_updated", quoted(to_iso(row.updated))},
                         {"_has_errors", row.has_errors ? "true" : "false"},
                         {"_failureReason", quoted(row.reason)}};
  if (!live.reason.empty()) members.emplace_back("_status_reason", quoted(live.reason));
  const auto parsed = row.stats.empty() ? Result<Json>(Json::object()) : parse_json(row.stats);
  Json stats = parsed && parsed->is_object() ? *parsed : Json::object();
  std::string progress = take_text(stats, "progress");
  const std::string summary = take_text(stats, "summary");
  if (progress.empty()) progress = R"({"percent":null})";
  const bool is_live = !live.progress.empty() && !is_terminal(row.status);
  members.emplace_back("progress", is_live ? live.progress : without_rates(progress));
  if (!summary.empty() && is_terminal(row.status)) members.emplace_back("summary", summary);
  members.emplace_back("_slicer_stats", to_compact_text(stats));
  if (row.deleted) add_deletion(row.deleted_on, members);
  return members;
}

Result<Json> job_document(const JobRow& row) {
  ASSIGN_OR_RETURN(Json json, parse_stored(row.doc, "job", row.job_id.text));
  lay_over(job_members(row), json);
  return json;
}

Result<Json> execution_document(const ExecutionRow& row, const LiveFacts& live) {
  ASSIGN_OR_RETURN(Json json, parse_stored(row.doc, "execution", row.ex_id.text));
  lay_over(execution_members(row, live), json);
  return json;
}

bool is_active(const Json& posted) {
  return not_false(posted, "active");
}

JobRow make_job(const JobId& id, std::int64_t seq, Json posted, WallMs now) {
  JobRow row;
  row.job_id = id;
  row.seq = seq;
  row.created = now;
  return replace_job(row, std::move(posted), now);
}

JobRow replace_job(const JobRow& former, Json posted, WallMs now) {
  erase_fields(posted, kJobServerFields);
  JobRow row = former;
  row.name = text_or(posted, "name", "Custom Job");
  row.active = is_active(posted);
  row.updated = now;
  row.doc = to_compact_text(posted);
  return row;
}

JsonMembers place_members(const ExecutionId& id, const DataLayout& layout) {
  return {{"log_directory", quoted(layout.log_directory(id.text))},
          {"ledger_directory", quoted(layout.ledger_directory(id.text))},
          {"log_path", quoted(layout.log_directory(id.text) + "/controller.log")}};
}

ExecutionRow make_execution(ExecutionOrigin creation, const DataLayout& layout) {
  ExecutionRow row;
  row.ex_id = creation.ex_id;
  row.seq = creation.seq;
  row.job_id = creation.job_id;
  row.created = row.updated = creation.now;
  row.recovered_execution = creation.recovered_execution;
  row.cleanup = creation.cleanup;
  row.source_ledger = creation.source_ledger;
  row.owns_staging = creation.owns_staging;
  row.lineage = creation.lineage.empty() ? creation.ex_id : creation.lineage;
  Json& json = creation.config;
  erase_fields(json, kExecutionFields);
  row.name = text_or(json, "name", "Custom Job");
  const auto workers = json.find("workers");
  if (workers != json.end() && workers->is_number_integer()) row.workers = workers->get<std::int64_t>();
  if (!creation.redriven_records.is_null()) json[kRedrivenRecords] = std::move(creation.redriven_records);
  json["ex_id"] = row.ex_id.text;
  json["job_id"] = row.job_id.text;
  json["_context"] = "ex";
  json["_status"] = to_string(row.status);
  json["_created"] = to_iso(creation.now);
  json["_updated"] = to_iso(creation.now);
  json["_has_errors"] = false;
  json["_failureReason"] = "";
  json["_slicer_stats"] = Json::object();
  json["metadata"] = Json::object();
  json["teraslice_version"] = fmt::format("v{}", kDialectVersion);
  json["relocatable"] = true;
  lay_over(place_members(row.ex_id, layout), json);
  if (!row.recovered_execution.empty()) {
    json["recovered_execution"] = row.recovered_execution.text;
    if (!creation.recovered_slice_type.empty()) json["recovered_slice_type"] = creation.recovered_slice_type;
  }
  row.doc = to_compact_text(json);
  return row;
}

Result<Json> recovered_config(const ExecutionRow& row) {
  ASSIGN_OR_RETURN(Json json, parse_stored(row.doc, "execution", row.ex_id.text));
  erase_fields(json, kExecutionFields);
  return json;
}

std::vector<std::string> execution_facts() {
  return {kExecutionFields.begin(), kExecutionFields.end()};
}

std::vector<std::pair<std::string, std::string>> job_environment(const Json& config) {
  std::vector<std::pair<std::string, std::string>> environment;
  const auto variables = config.find("env_vars");
  if (variables == config.end() || !variables->is_object()) return environment;
  for (const auto& [name, value] : variables->items()) {
    environment.emplace_back(name, value.is_string() ? value.get<std::string>() : to_compact_text(value));
  }
  return environment;
}

}  // namespace slicemill::master
