#include "master/executions/execution_documents.h"

#include <fmt/core.h>

#include <utility>

#include "core/runtime/log.h"

namespace slicemill::master {

namespace {

Result<Json> parse_stored(const std::string& doc, const char* kind, const std::string& id) {
  auto json = parse_json(doc);
  if (!json)
    return Error{ErrorCode::corrupt,
                 fmt::format("registry: the document of {} {} is broken: {}", kind, id, json.error().message)};
  if (!json->is_object())
    return Error{ErrorCode::corrupt, fmt::format("registry: the document of {} {} is no object", kind, id)};
  return json;
}

}  // namespace

std::optional<Stats> stored_stats(const ExecutionRow& row) {
  if (row.stats.empty()) return std::nullopt;
  auto stats = decode_stats(row.stats);
  if (stats) return *std::move(stats);
  log(LogLevel::error, "registry: execution {}: {}", row.ex_id.text, stats.error().message);
  return std::nullopt;
}

JobFacts facts_of(const JobRow& row) {
  return {.job_id = row.job_id,
          .created = row.created,
          .updated = row.updated,
          .deleted_on = row.deleted ? std::optional(row.deleted_on) : std::nullopt};
}

ExecutionFacts facts_of(const ExecutionRow& row, const LiveFacts& live) {
  return {.ex_id = row.ex_id,
          .job_id = row.job_id,
          .status = row.status,
          .created = row.created,
          .updated = row.updated,
          .has_errors = row.has_errors,
          .reason = row.reason,
          .live_reason = live.reason,
          .stats = stored_stats(row),
          .live_progress = live.progress,
          .deleted_on = row.deleted ? std::optional(row.deleted_on) : std::nullopt};
}

void lay_over(const JsonMembers& members, Json& json) {
  for (const auto& [name, value] : members) json[name] = Json::parse(value);
}

Result<Json> job_document(const JobRow& row, const JobDialect& dialect) {
  ASSIGN_OR_RETURN(Json json, parse_stored(row.doc, "job", row.job_id.text));
  lay_over(dialect.job_members(facts_of(row)), json);
  return json;
}

Result<Json> execution_document(const ExecutionRow& row, const JobDialect& dialect) {
  ASSIGN_OR_RETURN(Json json, parse_stored(row.doc, "execution", row.ex_id.text));
  lay_over(dialect.execution_members(facts_of(row)), json);
  return json;
}

JsonMembers place_members(const ExecutionId& id, const DataLayout& layout, const JobDialect& dialect) {
  return dialect.place_members(layout.log_directory(id.text), layout.ledger_directory(id.text));
}

JobRow make_job(const JobId& id, std::int64_t seq, Json posted, WallMs now, const JobDialect& dialect) {
  JobRow row;
  row.job_id = id;
  row.seq = seq;
  row.created = now;
  return replace_job(row, std::move(posted), now, dialect);
}

JobRow replace_job(const JobRow& former, Json posted, WallMs now, const JobDialect& dialect) {
  PostedJob taken = dialect.take(std::move(posted));
  JobRow row = former;
  row.name = std::move(taken.name);
  row.active = taken.active;
  row.updated = now;
  row.doc = std::move(taken.document);
  row.dialect = dialect.name();
  return row;
}

JobRow mark_job(JobRow former, bool active, WallMs now, const JobDialect& dialect) {
  former.doc = json_text(former.doc, {.laid_over = dialect.mark_members(active)});
  former.active = active;
  former.updated = now;
  return former;
}

ExecutionRow make_execution(ExecutionOrigin creation, const DataLayout& layout, const JobDialect& dialect) {
  ExecutionRow row;
  row.ex_id = creation.ex_id;
  row.seq = creation.seq;
  row.job_id = creation.job_id;
  row.name = creation.spec.name;
  row.workers = creation.spec.workers;
  row.created = row.updated = creation.now;
  row.recovered_execution = creation.recovered_execution;
  row.cleanup = creation.cleanup;
  row.source_ledger = creation.source_ledger;
  row.owns_staging = creation.owns_staging;
  row.lineage = creation.lineage.empty() ? creation.ex_id : creation.lineage;
  creation.spec.ex_id = row.ex_id.text;
  creation.spec.job_id = row.job_id.text;
  creation.spec.redriven_records = creation.redriven_records;
  row.spec = to_compact_text(to_json(creation.spec));
  Json document = dialect.execution_document(
      std::move(creation.document), facts_of(row),
      {row.recovered_execution, std::move(creation.recovered_slice_type), std::move(creation.redriven_records)});
  lay_over(place_members(row.ex_id, layout, dialect), document);
  row.doc = to_compact_text(document);
  return row;
}

Result<Json> recovered_document(const ExecutionRow& row, const JobDialect& dialect) {
  ASSIGN_OR_RETURN(Json document, parse_stored(row.doc, "execution", row.ex_id.text));
  for (const std::string_view member : dialect.fact_members()) document.erase(std::string(member));
  return document;
}

}  // namespace slicemill::master
