#include "api/dialects/teraslice/teraslice_json.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "core/runtime/log.h"
#include "core/runtime/text.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::string_view kJsonType = "application/json; charset=utf-8";
constexpr int kIndent = 4;
constexpr std::size_t kMessageLimit = 3000;
constexpr std::string_view kNoJob = "No job was posted";
constexpr std::string_view kJobIdGiven = "Job cannot include a job_id on submit";

constexpr std::array kSpecialStatuses = {
    SpecialStatus{ErrorCode::invalid, "asset.json was not found", "", 422},
    SpecialStatus{ErrorCode::invalid, "asset.json is not valid JSON", "", 422},
    SpecialStatus{ErrorCode::invalid, "the asset exceeds the limit of ", "", 413},
    SpecialStatus{ErrorCode::invalid, kNoJob, "", 400},
    SpecialStatus{ErrorCode::invalid, kJobIdGiven, "", 422},
    SpecialStatus{ErrorCode::invalid, "no data was provided to update job ", "", 400},
    SpecialStatus{ErrorCode::invalid, "deleted query option must ", "", 400},
    SpecialStatus{ErrorCode::invalid, "active query option must ", "", 400},
    SpecialStatus{ErrorCode::invalid, "cleanup_type must be empty or set to ", "", 400},
    SpecialStatus{ErrorCode::invalid, "Must provide a valid worker parameter", "", 400},
    SpecialStatus{ErrorCode::invalid, "workers to be removed: ", "", 400},
    SpecialStatus{ErrorCode::invalid, "Invalid log level ", "", 400},
    SpecialStatus{ErrorCode::invalid, "", " parameter cannot be negative", 400},
    SpecialStatus{ErrorCode::invalid, "cannot sort by ", "", 400},
    SpecialStatus{ErrorCode::invalid, "sort order must be ", "", 400},
    SpecialStatus{ErrorCode::unavailable, "Execution ", " is not available", 404},
    SpecialStatus{ErrorCode::unavailable, "Execution ", " is not available to pause", 500},
    SpecialStatus{ErrorCode::unavailable, "Execution ", " is not available to resume", 500},
};

constexpr ErrorTable kErrors = {{{
                                    {ErrorCode::invalid, 500},
                                    {ErrorCode::not_found, 404},
                                    {ErrorCode::conflict, 409},
                                    {ErrorCode::gone, 410},
                                    {ErrorCode::unavailable, 503},
                                    {ErrorCode::timeout, 504},
                                    {ErrorCode::cancelled, 503},
                                    {ErrorCode::io, 500},
                                    {ErrorCode::no_space, 507},
                                    {ErrorCode::corrupt, 500},
                                    {ErrorCode::unsupported, 400},
                                    {ErrorCode::internal, 500},
                                }},
                                kSpecialStatuses};
static_assert(kErrors.is_complete());

// The documented indexed fields, which is what a list may be sorted by.
constexpr std::array<std::string_view, 18> kJobFields = {
    "job_id",      "_context",  "_created",         "_updated",  "_deleted",    "_deleted_on",
    "active",      "analytics", "assets",           "name",      "autorecover", "lifecycle",
    "max_retries", "workers",   "probation_window", "log_level", "slicers",     "stateful"};
constexpr std::array<std::string_view, 10> kExecutionFields = {"ex_id",
                                                               "_status",
                                                               "_has_errors",
                                                               "_failureReason",
                                                               "recovered_execution",
                                                               "recovered_slice_type",
                                                               "slicer_port",
                                                               "slicer_hostname",
                                                               "teraslice_version",
                                                               "relocatable"};
constexpr std::array<std::string_view, 8> kSliceFields = {"ex_id", "slice_id", "slicer_id", "slicer_order",
                                                          "state", "_created", "_updated",  "error"};

constexpr std::array<std::string_view, 7> kAssetFields = {"_created",     "name",     "version", "id",
                                                          "node_version", "platform", "arch"};

bool is_sortable(std::string_view field, SortFields fields) {
  auto in = [field](std::span<const std::string_view> list) { return std::ranges::find(list, field) != list.end(); };
  switch (fields) {
    case SortFields::jobs:
      return in(kJobFields);
    case SortFields::executions:
      return in(kJobFields) || in(kExecutionFields);
    case SortFields::slices:
      return in(kSliceFields);
    case SortFields::assets:
      return in(kAssetFields);
  }
  return false;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The value of a query parameter; nothing if it is absent or empty.
std::optional<std::string> given(const Request& request, std::string_view name) {
  auto value = request.query_value(name);
  return value && value->empty() ? std::nullopt : value;
}

// Numbers of the query: "10", "1e2"; a fraction is cut off.
Result<std::optional<std::int64_t>> integer_parameter(const Request& request, std::string_view name) {
  auto text = given(request, name);
  if (!text) return std::optional<std::int64_t>();
  double number = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  bool whole = error == std::errc() && end == text->data() + text->size();
  if (!whole || !std::isfinite(number) || std::abs(number) > 9e15)
    return Error(ErrorCode::invalid, fmt::format("{} parameter must be a integer, got {}", name, *text));
  if (number < 0) return Error(ErrorCode::invalid, fmt::format("{} parameter cannot be negative", name));
  return std::optional<std::int64_t>(static_cast<std::int64_t>(number));
}

Result<void> refuse_unsupported(const Request& request, std::string_view name) {
  if (!request.query_value(name)) return {};
  return Error(ErrorCode::unsupported, fmt::format("{} is not supported by this server", name));
}

Result<std::string> sort_parameter(const std::string& text, SortFields fields) {
  auto colon = text.find(':');
  std::string_view field = std::string_view(text).substr(0, colon);
  std::string_view direction = colon == std::string::npos ? "asc" : std::string_view(text).substr(colon + 1);
  if (direction != "asc" && direction != "desc")
    return Error(ErrorCode::invalid, fmt::format("sort order must be asc or desc, got \"{}\"", direction));
  if (!is_sortable(field, fields))
    return Error(ErrorCode::invalid, fmt::format("cannot sort by \"{}\", it is not an indexed field", field));
  return fmt::format("{}:{}", field, direction);
}

Result<bool> deleted_parameter(const Request& request) {
  auto text = request.query_value("deleted");
  if (!text || *text == "false") return false;
  if (text->empty() || *text == "true") return true;
  return Error(ErrorCode::invalid, "deleted query option must true or false");
}

bool is_falsy(const Json& value) {
  return value.is_null() || value == false || value == "" || (value.is_number() && value.get<double>() == 0);
}

bool is_yaml_type(std::string_view type) {
  return type.ends_with("/yaml") || type.ends_with("/x-yaml") || type.ends_with("+yaml");
}

bool is_json_type(std::string_view type) {
  return type.empty() || type == "application/json" || type.ends_with("+json") || type == "text/json" ||
         type == "text/plain" || type == "application/x-www-form-urlencoded";
}

// "Application/JSON; charset=utf-8" -> "application/json".
std::string media_type(std::string_view header) {
  std::string type(header.substr(0, header.find(';')));
  std::ranges::transform(type, type.begin(), lower);
  type.erase(type.find_last_not_of(" \t") + 1);
  return type;
}

}  // namespace

const ErrorTable& error_table() {
  return kErrors;
}

Response json_response(const Json& body, int status) {
  return {status, kJsonType, to_pretty_text(body, kIndent), {}};
}

Response error_response(int status, std::string_view message, std::string_view details) {
  Json body = {{"error", status}, {"message", message}};
  if (!details.empty()) body["details"] = details;
  return json_response(body, status);
}

Response error_response(const Error& error, std::string_view failure_text) {
  std::string_view message = error.message.empty() ? failure_text : std::string_view(error.message);
  if (message.size() > kMessageLimit) {
    std::size_t end = kMessageLimit;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;  // not inside a character
    message = message.substr(0, end);
  }
  return error_response(kErrors.status(error), message);
}

Body parse_body(const Request& request) {
  std::string type = media_type(request.content_type);
  if (request.body.empty()) return Json::object();
  if (!request.content_encoding.empty() && request.content_encoding != "identity")
    return BodyError(415, fmt::format("content encoding {} is not supported", request.content_encoding));
  bool yaml = is_yaml_type(type);
  if (!yaml && !is_json_type(type))
    return BodyError(415,
                     fmt::format("content type {} is not supported, send application/json or application/yaml", type));
  auto parsed = yaml ? parse_yaml(request.body) : parse_json(request.body);
  std::string message = fmt::format("the {} submitted is malformed", yaml ? "yaml" : "json");
  if (!parsed) return BodyError(400, message, parsed.error().message);
  if (!parsed->is_structured()) return BodyError(400, message, "the top level must be an object");
  return std::move(*parsed);
}

Result<ListQuery> list_query(const Request& request, SortFields fields) {
  ListQuery query;
  RETURN_IF_ERROR(given(request, "filter") ? refuse_unsupported(request, "filter") : Result<void>());
  ASSIGN_OR_RETURN(auto size, integer_parameter(request, "size"));
  ASSIGN_OR_RETURN(auto from, integer_parameter(request, "from"));
  query.size = size.value_or(query.size);
  query.from = from.value_or(query.from);
  if (auto sort = given(request, "sort")) {
    ASSIGN_OR_RETURN(query.sort, sort_parameter(*sort, fields));
  }
  return query;
}

Result<ListQuery> job_list_query(const Request& request) {
  ASSIGN_OR_RETURN(auto query, list_query(request, SortFields::jobs));
  RETURN_IF_ERROR(refuse_unsupported(request, "ex"));
  ASSIGN_OR_RETURN(query.deleted, deleted_parameter(request));
  if (auto active = given(request, "active")) {
    if (*active != "true" && *active != "false")
      return Error(ErrorCode::invalid, "active query option must be true or false");
    query.active = *active == "true";
  }
  return query;
}

Result<ListQuery> execution_list_query(const Request& request) {
  ASSIGN_OR_RETURN(auto query, list_query(request, SortFields::executions));
  ASSIGN_OR_RETURN(query.deleted, deleted_parameter(request));
  if (auto statuses = given(request, "status"); statuses && *statuses != "*") {
    for (const std::string& part : split(*statuses, ',')) {
      auto first = part.find_first_not_of(' ');
      if (first == std::string::npos) continue;
      query.statuses.push_back(part.substr(first, part.find_last_not_of(' ') + 1 - first));
    }
  }
  return query;
}

Result<AssetQuery> asset_query(const Request& request) {
  AssetQuery query;
  const auto newest_first = query.sort;
  ASSIGN_OR_RETURN(const auto list, list_query(request, SortFields::assets));
  query.from = list.from;
  query.size = list.size;
  query.sort = given(request, "sort") ? list.sort : newest_first;
  return query;
}

bool is_body_of_json_type(const Request& request) {
  const auto type = media_type(request.content_type);
  return type == "application/json" || type == "application/x-www-form-urlencoded";
}

Result<WorkersRequest> workers_request(const Request& request) {
  static constexpr std::array<std::pair<std::string_view, WorkerChange>, 3> kWords = {
      {{"add", WorkerChange::add}, {"remove", WorkerChange::remove}, {"total", WorkerChange::total}}};
  Error wrong(ErrorCode::invalid,
              "Must provide a valid worker parameter(add/remove/total) that is a number and greater than zero");
  std::optional<WorkersRequest> wanted;
  for (const Parameter& parameter : request.query) {
    auto word = std::ranges::find(kWords, parameter.name, &std::pair<std::string_view, WorkerChange>::first);
    if (word == kWords.end()) continue;
    auto count = parse_integer(parameter.value);
    if (!count || *count <= 0) return wrong;
    wanted = WorkersRequest{word->second, *count};  // the last one counts
  }
  if (!wanted) return wrong;
  return *wanted;
}

Result<StopRequest> stop_request(const Request& request) {
  StopRequest out;
  out.blocking = given(request, "blocking").value_or("true") == "true";
  std::string force = given(request, "force").value_or("false");
  out.force = force != "false" && force != "0";
  ASSIGN_OR_RETURN(out.timeout_ms, integer_parameter(request, "timeout"));
  return out;
}

Result<CleanupType> cleanup_type(const Request& request) {
  auto text = given(request, "cleanup_type");
  if (!text) text = given(request, "cleanup");
  if (!text) return CleanupType::none;
  for (CleanupType type : {CleanupType::all, CleanupType::errors, CleanupType::pending})
    if (*text == to_string(type)) return type;
  return Error(ErrorCode::invalid, "cleanup_type must be empty or set to all, errors, pending");
}

bool start_wanted(const Request& request) {
  return request.query_value("start") != "false";
}

Result<std::string> log_level(const Request& request, const Json& body) {
  std::string level = request.query_value("log_level").value_or("");
  if (auto member = body.find("log_level");
      level.empty() && body.is_object() && member != body.end() && member->is_string())
    level = member->get<std::string>();
  if (parse_log_level(level)) return level;
  return Error(ErrorCode::invalid,
               fmt::format("Invalid log level \"{}\", must be one of: trace, debug, info, warn, error, fatal", level));
}

Result<Json> posted_job(Json body) {
  if (!body.is_object() || !body.contains("operations") || is_falsy(body["operations"]))
    return Error(ErrorCode::invalid, std::string(kNoJob));
  if (body.contains("job_id") && !is_falsy(body["job_id"])) return Error(ErrorCode::invalid, std::string(kJobIdGiven));
  return body;
}

Result<Json> job_update(std::string_view job_id, Json body) {
  if (!body.is_object() || body.empty())
    return Error(ErrorCode::invalid, fmt::format("no data was provided to update job {}", job_id));
  return body;
}

Json submitted_json(const Submitted& submitted) {
  Json out = {{"job_id", submitted.job_id.text}};
  if (!submitted.ex_id.empty()) out["ex_id"] = submitted.ex_id.text;
  for (const std::string& warning : submitted.warnings) {
    Json reason = {{"field", ""}, {"description", warning}};
    out["warnings"].push_back(
        {{"type", "JobValidation"},
         {"reason", {{"type", "jobProperty"}, {"kind", "warning"}, {"reason", std::move(reason)}}}});
  }
  return out;
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

Json controllers_json(Json controllers) {
  if (!controllers.is_array()) return controllers;
  auto text = [](const Json& item, const char* member) {
    auto found = item.find(member);
    return found != item.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  auto key = [&](const Json& item) { return std::tuple(text(item, "name"), text(item, "started")); };
  std::ranges::stable_sort(controllers.get_ref<Json::array_t&>(),
                           [&](const Json& a, const Json& b) { return key(a) > key(b); });
  return controllers;
}

}  // namespace slicemill::api::teraslice
