#include "api/dialects/teraslice/teraslice_json.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/model/stats_json.h"
#include "core/runtime/clock.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::size_t kMessageLimit = 3000;

constexpr ErrorTable kErrors = {{{
    {ErrorCode::invalid, 400},
    {ErrorCode::not_found, 404},
    {ErrorCode::conflict, 409},
    {ErrorCode::gone, 410},
    {ErrorCode::unavailable, 503},
    {ErrorCode::timeout, 504},
    {ErrorCode::cancelled, 503},
    {ErrorCode::io, 500},
    {ErrorCode::no_space, 503},
    {ErrorCode::corrupt, 500},
    {ErrorCode::unsupported, 400},
    {ErrorCode::internal, 500},
}}};
static_assert(kErrors.is_complete());
constexpr ErrorTable kJobErrors = kErrors.with(ErrorCode::invalid, 500);
constexpr ErrorTable kSettingsErrors = kErrors.with(ErrorCode::unavailable, 404);
constexpr ErrorTable kAssetErrors = kJobErrors.with(ErrorCode::corrupt, 422).with(ErrorCode::unsupported, 413);

Json warning_json(const JobWarning& warning) {
  Json reason = {{"field", warning.field}, {"description", warning.description}};
  std::string_view type = "jobProperty";
  if (warning.holder == JobWarning::Holder::operation) {
    type = "assetOperation";
    reason["_op"] = warning.name;
  } else if (warning.holder == JobWarning::Holder::api) {
    type = "assetAPIProperty";
    reason["api_name"] = warning.name;
  }
  return {{"type", "JobValidation"},
          {"reason", {{"type", type}, {"kind", to_string(warning.kind)}, {"reason", std::move(reason)}}}};
}

Json warnings_json(const std::vector<JobWarning>& warnings) {
  Json list = Json::array();
  for (const JobWarning& warning : warnings) list.push_back(warning_json(warning));
  return list;
}

}  // namespace

const ErrorTable& error_table() {
  return kErrors;
}
const ErrorTable& job_error_table() {
  return kJobErrors;
}
const ErrorTable& settings_error_table() {
  return kSettingsErrors;
}
const ErrorTable& asset_error_table() {
  return kAssetErrors;
}

Response json_response(const Json& body, int status) {
  return {status, kJsonType, to_pretty_text(body, kIndent), {}};
}

Response error_response(int status, std::string_view message, std::string_view details) {
  if (message.size() > kMessageLimit) {
    std::size_t end = kMessageLimit;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;  // not inside a character
    message = message.substr(0, end);
  }
  Json body = {{"error", status}, {"message", message}};
  if (!details.empty()) body["details"] = details;
  return json_response(body, status);
}

Response error_response(const ErrorTable& table, const Error& error, std::string_view failure_text) {
  return error_response(table.status(error.code), error.message.empty() ? failure_text : error.message);
}

Json submitted_json(const Submitted& submitted) {
  Json out = {{"job_id", submitted.job_id.text}};
  if (!submitted.ex_id.empty()) out["ex_id"] = submitted.ex_id.text;
  if (submitted.config) out["config"] = to_string(*submitted.config);
  if (!submitted.warnings.empty()) out["warnings"] = warnings_json(submitted.warnings);
  return out;
}

ShownDocument updated_document(UpdatedJob updated) {
  if (!updated.warnings.empty())
    updated.document.laid_over.emplace_back("warnings", to_compact_text(warnings_json(updated.warnings)));
  return std::move(updated.document);
}

Json stop_json(const ExecutionId& id, const StopRequest& request, const StopAnswer& answer) {
  Json out = Json::object();
  if (request.force) out["message"] = fmt::format("Force stop complete for exId {}", id.text);
  out["status"] = to_string(answer.status);
  return out;
}

Json status_json(ExecutionStatus status) {
  return {{"status", to_string(status)}};
}

Json workers_json(const ExecutionId& id, const WorkersAnswer& answer) {
  return {{"message", fmt::format("{} workers have been {} for execution: {}", answer.count, answer.action, id.text)}};
}

Json log_level_json(const ExecutionId& id, std::string_view level) {
  return {{"exId", id.text}, {"level", level}};
}

Response log_response(LogPart part) {
  Response response{200, "text/plain; charset=utf-8", std::move(part.text), {}};
  response.headers.push_back({"X-Log-Position", std::move(part.position)});
  if (part.gap) response.headers.push_back({"X-Log-Gap", "true"});
  return response;
}

JsonObjectWriter counters_json(const Stats& stats, JsonObjectWriter counters) {
  const auto& [connected, active, joined, reconnected, disconnected] = stats.workers;
  counters.add("workers_available", connected - std::min(connected, active))
      .add("workers_active", active)
      .add("workers_joined", joined)
      .add("workers_reconnected", reconnected)
      .add("workers_disconnected", disconnected)
      .add("failed", stats.slices.failed)
      .add("subslices", stats.slices.subslices)
      .add("queued", stats.queued)
      .add("slice_range_expansion", 0)
      .add("processed", stats.slices.processed)
      .add("slicers", stats.slicers)
      .add("subslice_by_key", 0)
      .add("started", to_iso(stats.started));
  if (stats.queuing_complete) counters.add("queuing_complete", to_iso(*stats.queuing_complete));
  if (const auto seconds = run_seconds(stats)) counters.add("job_duration", *seconds);
  counters.add("records_in", stats.slices.records_in)
      .add("records_out", stats.slices.records_out)
      .add("quarantined", stats.slices.quarantined)
      .add("bytes_out", stats.slices.bytes_out)
      .add("retries", stats.slices.retries)
      .add("refused", stats.slices.refused)
      .add("speculated", stats.speculation.begun)
      .add("speculation_won", stats.speculation.won)
      .add("in_flight", stats.in_flight);
  if (stats.obstacle) counters.add_json("obstacle", obstacle_json(*stats.obstacle));
  if (!stats.operations.empty()) counters.add_json("operations", operations_json(stats.operations));
  if (stats.first_error) counters.add_json("first_error", first_error_json(*stats.first_error));
  if (!stats.notices.empty()) counters.add_json("notices", texts_json(stats.notices));
  return counters;
}

Json controller_json(const ControllerView& controller) {
  JsonObjectWriter json;
  json.add("ex_id", controller.ex_id.text).add("job_id", controller.job_id.text).add("name", controller.name);
  return Json::parse(counters_json(controller.stats, std::move(json))
                         .add_json("progress", progress_json(controller.stats.progress))
                         .take());
}

Json controllers_json(std::vector<ControllerView> controllers) {
  std::ranges::stable_sort(controllers, [](const ControllerView& a, const ControllerView& b) {
    return std::tie(a.name, a.stats.started) > std::tie(b.name, b.stats.started);
  });
  Json list = Json::array();
  for (const ControllerView& controller : controllers) list.push_back(controller_json(controller));
  return list;
}

Json cluster_counters_json(const ClusterCounters& counters) {
  const Json totals = {{"processed", counters.processed},
                       {"failed", counters.failed},
                       {"queued", counters.queued},
                       {"job_duration", counters.run_seconds},
                       {"workers_joined", counters.workers_joined},
                       {"workers_disconnected", counters.workers_disconnected},
                       {"workers_reconnected", counters.workers_reconnected}};
  return {{"controllers", totals}, {"slicer", totals}};
}

}  // namespace slicemill::api::teraslice
