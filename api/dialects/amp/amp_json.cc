#include "api/dialects/amp/amp_json.h"

#include <fmt/core.h>

#include <utility>

#include "core/runtime/json_writer.h"

namespace slicemill::api::amp {
namespace {

Json listed_event(const ShownEvent& shown, const NodeView& node) {
  return {{"id", shown.event->id},
          {"created_at", timestamp(shown.event->at)},
          {"node_id", node.name},
          {"event_type", to_string(shown.type)}};
}

Json known_or_unknown(const std::string& text) {
  return text.empty() ? "unknown" : text;
}

// What a job is told as by this dialect after this change of an execution's status.
Status type_of(const JobEvent& event) {
  JobView job;
  job.execution = ExecutionView{};
  job.execution->status = event.status;
  job.execution->has_ledger = true;
  return status_of(job);
}

}  // namespace

Response json_response(const Json& body) {
  return {200, kJsonType, to_compact_text(body), {}};
}

Response empty_response(int status) {
  return {status, "", "", {}};
}

Response error_response(int status, std::string_view code, std::string_view message) {
  return {status, kJsonType, to_compact_text({{"error_code", code}, {"error_message", message}}), {}};
}

std::string timestamp(WallMs time) {
  std::string text = to_iso(time);  // ...:00.123Z
  text.replace(text.size() - 1, 1, "000+00:00");
  return text;
}

JsonMembers job_members(const JobView& job, const NodeView& node) {
  return {{"id", std::to_string(job.number)},
          {"created_at", json_string(timestamp(job.created))},
          {"updated_at", json_string(timestamp(job.execution ? job.execution->changed : job.updated))},
          {"node_id", json_string(node.name)},
          {"status", json_string(to_string(status_of(job)))}};
}

std::vector<ShownEvent> shown_events(const std::vector<JobEvent>& events) {
  std::vector<ShownEvent> shown;
  for (const JobEvent& event : events) {
    const Status type = type_of(event);
    if (!shown.empty() && shown.back().type == type && shown.back().event->ex_id == event.ex_id) continue;
    shown.push_back({&event, type});
  }
  return shown;
}

Json events_json(std::int64_t job, const std::vector<ShownEvent>& events, const NodeView& node) {
  Json list = Json::array();
  for (const ShownEvent& event : events) list.push_back(listed_event(event, node));
  return {{"job_id", job}, {"events", std::move(list)}};
}

Json event_json(std::int64_t job, const ShownEvent& event, const NodeView& node, Json detail) {
  Json json = listed_event(event, node);
  json["job_id"] = job;
  if (!detail.is_null()) json["detail"] = std::move(detail);
  return json;
}

Json progress_json(const JobView& job, const std::vector<SinkView>& sinks) {
  Json tables = Json::object();
  for (const SinkView& sink : sinks)
    tables[sink.sink] = {{"current_block", sink.last ? Json(*sink.last) : Json()},
                         {"start_block", sink.first ? Json(*sink.first) : Json()},
                         {"files_count", sink.files},
                         {"total_size_bytes", sink.bytes}};
  const Status status = status_of(job);
  Json progress = {{"job_id", job.number}, {"job_status", to_string(status)}, {"tables", std::move(tables)}};
  if (status == Status::error || status == Status::fatal) progress["detail"] = failure_detail(job.execution->reason);
  return progress;
}

Json failure_detail(std::string_view reason) {
  return {{"error_code", "EXECUTION_FAILED"}, {"error_message", reason}};
}

Json workers_json(const NodeView& node, WallMs now) {
  return {{"workers", Json::array({{{"node_id", node.name}, {"heartbeat_at", timestamp(now)}}})}};
}

Json worker_json(const NodeView& node, WallMs now) {
  return {{"node_id", node.name},
          {"info",
           {{"version", known_or_unknown(node.build.version)},
            {"commit_sha", known_or_unknown(node.build.commit)},
            {"commit_timestamp", known_or_unknown(node.build.date)},
            {"build_date", "unknown"}}},
          {"created_at", timestamp(node.since)},
          {"registered_at", timestamp(node.since)},
          {"heartbeat_at", timestamp(now)}};
}

}  // namespace slicemill::api::amp
