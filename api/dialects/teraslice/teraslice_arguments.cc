#include "api/dialects/teraslice/teraslice_arguments.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>

#include "api/dialects/teraslice/job/falsy.h"
#include "api/dialects/teraslice/job/job_graph.h"
#include "api/dialects/teraslice/lucene_syntax.h"
#include "api/dialects/teraslice/teraslice_fields.h"
#include "core/model/job_params.h"
#include "core/model/mended_records.h"
#include "core/runtime/ascii.h"
#include "core/runtime/log.h"
#include "core/runtime/text.h"

namespace slicemill::api::teraslice {
namespace {

// The value of a query parameter; nothing if it is absent or empty.
std::optional<std::string> given(const Request& request, std::string_view name) {
  auto value = request.query_value(name);
  return value && value->empty() ? std::nullopt : value;
}

// Parts of a comma separated list, without blanks around them and without empty ones.
std::vector<std::string> list_parts(const std::string& text) {
  std::vector<std::string> parts;
  for (const std::string& part : split(text, ',')) {
    auto first = part.find_first_not_of(' ');
    if (first != std::string::npos) parts.push_back(part.substr(first, part.find_last_not_of(' ') + 1 - first));
  }
  return parts;
}

// Numbers of the query: "10", "1e2"; a fraction is cut off. What is none is 500, as clients expect.
Argument<std::optional<std::int64_t>> integer_parameter(const Request& request, std::string_view name) {
  auto text = given(request, name);
  if (!text) return std::optional<std::int64_t>();
  double number = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  bool whole = error == std::errc() && end == text->data() + text->size();
  if (!whole || !std::isfinite(number) || std::abs(number) > 9e15)
    return Refusal(500, fmt::format("{} parameter must be a integer, got {}", name, *text));
  if (number < 0) return Refusal(400, fmt::format("{} parameter cannot be negative", name));
  return std::optional<std::int64_t>(static_cast<std::int64_t>(number));
}

// Yes is the word, or the parameter alone.
Argument<bool> flag_parameter(const Request& request, std::string_view name, std::string_view wrong) {
  const auto text = request.query_value(name);
  if (!text || *text == "false") return false;
  if (text->empty() || *text == "true") return true;
  return Refusal(400, std::string(wrong));
}

Argument<bool> deleted_parameter(const Request& request) {
  return flag_parameter(request, "deleted", "deleted query option must true or false");
}

Argument<RecordQuery> record_query(const Request& request, std::span<const query::Field> fields, WallMs now) {
  ASSIGN_OR_RETURN(RecordQuery list, page_query(request));
  if (auto text = given(request, "filter")) {
    auto filter = parse_filter(*text, fields, now);
    if (!filter) return Refusal(400, filter.error().message);
    list.filter = std::move(*filter);
  }
  if (auto text = given(request, "sort")) {
    auto sort = query::parse_sort(*text, fields);
    if (!sort) return Refusal(400, sort.error().message);
    list.sort = std::move(*sort);
  }
  return list;
}

// Whether pages go on behind a cursor: `cursor` alone begins.
Argument<std::optional<CursorWindow>> cursor_window(const Request& request, std::int64_t size) {
  const auto text = request.query_value("cursor");
  if (!text) return std::optional<CursorWindow>();
  for (const char* other : {"from", "sort", "total"})
    if (given(request, other))
      return Refusal(400,
                     fmt::format("cursor and {} do not go together: pages of a cursor have the newest first", other));
  CursorWindow window{{}, size};
  if (text->empty()) return std::optional(window);
  const auto number = parse_integer(*text);
  if (!number || *number <= 0)
    return Refusal(400, fmt::format("cursor must be empty or the X-Next-Cursor of a page before, got {}", *text));
  window.below = *number;
  return std::optional(window);
}

Argument<ListQuery> list_query(const Request& request, std::span<const query::Field> fields, WallMs now) {
  ASSIGN_OR_RETURN(RecordQuery records, record_query(request, fields, now));
  ASSIGN_OR_RETURN(const bool with_total, flag_parameter(request, "total", "total query option must be true or false"));
  ASSIGN_OR_RETURN(const auto cursor, cursor_window(request, records.size));
  ListQuery list;
  list.window = PageWindow{records.from, records.size, with_total};
  if (cursor) list.window = *cursor;
  list.sort = std::move(records.sort);
  list.filter = std::move(records.filter);
  if (auto text = given(request, "search")) {
    auto words = query::parse_search_words(*text);
    if (!words) return Refusal(400, words.error().message);
    list.words = std::move(*words);
  }
  return list;
}

// Of the words those that are statuses: an unknown one matches nothing. Nothing, or a star: all.
std::optional<std::vector<ExecutionStatus>> statuses_in(const std::string& text) {
  const auto words = list_parts(text);
  if (words.empty() || text == "*") return std::nullopt;
  std::vector<ExecutionStatus> statuses;
  for (const std::string& word : words)
    if (const auto status = parse_execution_status(word)) statuses.push_back(*status);
  return statuses;
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
  return lower(trimmed(header.substr(0, header.find(';'))));
}

// `curl -d @job.yaml` says nothing of YAML, and joins the lines.
std::string yaml_hint(std::string_view body) {
  const auto first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || body[first] == '{' || body[first] == '[') return "";
  return "; if it is YAML, send it so: curl -H 'Content-Type: application/yaml' --data-binary @job.yaml";
}

}  // namespace

Argument<Json> parse_body(const Request& request, YamlNotes* notes) {
  std::string type = media_type(request.content_type);
  if (request.body.empty()) return Json::object();
  if (!request.content_encoding.empty() && request.content_encoding != "identity")
    return Refusal(415, fmt::format("content encoding {} is not supported", request.content_encoding));
  bool yaml = is_yaml_type(type);
  if (!yaml && !is_json_type(type))
    return Refusal(415,
                   fmt::format("content type {} is not supported, send application/json or application/yaml", type));
  auto parsed = yaml ? parse_yaml(request.body, notes) : parse_json(request.body, kDocumentMemory);
  std::string message = fmt::format("the {} submitted is malformed", yaml ? "yaml" : "json");
  if (!parsed) return Refusal(400, message, parsed.error().message + (yaml ? std::string() : yaml_hint(request.body)));
  if (!parsed->is_structured()) return Refusal(400, message, "the top level must be an object");
  return std::move(*parsed);
}

Argument<RecordQuery> own_page_query(const Request& request) {
  auto query = page_query(request);
  if (query || query.error().status != 500) return query;
  return Refusal(400, query.error().message);
}

Argument<RecordQuery> page_query(const Request& request) {
  RecordQuery list;
  ASSIGN_OR_RETURN(auto size, integer_parameter(request, "size"));
  ASSIGN_OR_RETURN(auto from, integer_parameter(request, "from"));
  list.size = size.value_or(list.size);
  list.from = from.value_or(list.from);
  return list;
}

Argument<ListQuery> job_list_query(const Request& request, WallMs now) {
  ASSIGN_OR_RETURN(ListQuery list, list_query(request, job_fields(), now));
  ASSIGN_OR_RETURN(list.deleted, deleted_parameter(request));
  list.execution_fields = execution_fields(request);
  if (auto active = given(request, "active")) {
    if (*active != "true" && *active != "false") return Refusal(400, "active query option must be true or false");
    list.active = *active == "true";
  }
  return list;
}

Argument<ListQuery> execution_list_query(const Request& request, WallMs now) {
  ASSIGN_OR_RETURN(ListQuery list, list_query(request, teraslice::execution_fields(), now));
  ASSIGN_OR_RETURN(list.deleted, deleted_parameter(request));
  list.statuses = statuses_in(given(request, "status").value_or(""));
  return list;
}

Argument<RecordQuery> slice_list_query(const Request& request, WallMs now) {
  return record_query(request, slice_fields(), now);
}

Argument<AssetQuery> asset_query(const Request& request) {
  ASSIGN_OR_RETURN(const RecordQuery page, page_query(request));
  AssetQuery assets;
  assets.from = page.from;
  assets.size = page.size;
  if (auto text = given(request, "sort")) {
    auto sort = query::parse_sort(*text, asset_fields());
    if (!sort) return Refusal(400, sort.error().message);
    assets.sort = std::move(*sort);
  }
  return assets;
}

bool is_body_of_json_type(const Request& request) {
  const auto type = media_type(request.content_type);
  return type == "application/json" || type == "application/x-www-form-urlencoded";
}

std::optional<ExecutionFields> execution_fields(const Request& request) {
  auto names = request.query_value("ex");
  if (!names) return std::nullopt;
  return ExecutionFields{list_parts(*names)};
}

Argument<WorkersRequest> workers_request(const Request& request) {
  static constexpr std::array<std::pair<std::string_view, WorkerChange>, 3> kWords = {
      {{"add", WorkerChange::add}, {"remove", WorkerChange::remove}, {"total", WorkerChange::total}}};
  Refusal wrong(400, "Must provide a valid worker parameter(add/remove/total) that is a number and greater than zero");
  std::optional<WorkersRequest> wanted;
  for (const Parameter& parameter : request.query) {
    auto word = std::ranges::find(kWords, parameter.name, &std::pair<std::string_view, WorkerChange>::first);
    if (word == kWords.end()) continue;
    auto count = parse_integer(parameter.value);
    if (!count || *count <= 0) return wrong;
    if (*count > kMostWorkers)
      return Refusal(400, fmt::format("{} parameter must be at most {}", parameter.name, kMostWorkers));
    wanted = WorkersRequest{word->second, *count};  // the last one counts
  }
  if (!wanted) return wrong;
  return *wanted;
}

Argument<StopRequest> stop_request(const Request& request) {
  StopRequest out;
  out.blocking = request.query_value("blocking").value_or("true") == "true";  // an empty value does not block
  std::string force = given(request, "force").value_or("false");
  out.force = force != "false" && force != "0";
  ASSIGN_OR_RETURN(out.timeout_ms, integer_parameter(request, "timeout"));
  if (out.timeout_ms > kLongestDurationMs)
    return Refusal(400, fmt::format("timeout parameter must be at most {}", kLongestDurationMs));
  return out;
}

namespace {

Argument<CleanupType> cleanup_type(const Request& request) {
  auto text = given(request, "cleanup_type");
  if (!text) text = given(request, "cleanup");
  if (!text) return CleanupType::none;
  for (CleanupType type : {CleanupType::all, CleanupType::errors, CleanupType::pending})
    if (*text == to_string(type)) return type;
  return Refusal(400, "cleanup_type must be empty or set to all, errors, pending");
}

Argument<Json> params_of(const Json& body) {
  if (!body.is_object()) return Json::object();
  const auto params = body.find("params");
  if (params == body.end() || params->is_null()) return Json::object();
  if (const auto checked = check_params(*params); !checked) return Refusal(400, checked.error().message);
  return *params;
}

}  // namespace

Argument<StartRequest> start_request(const Json& body) {
  ASSIGN_OR_RETURN(Json params, params_of(body));
  return StartRequest{std::move(params)};
}

Argument<RedriveRequest> redrive_request(const Json& body) {
  RedriveRequest wanted;
  ASSIGN_OR_RETURN(wanted.params, params_of(body));
  if (!body.is_object() || !body.contains("records") || body["records"].is_null()) return wanted;
  const auto records = parse_mended_records(body["records"]);
  if (!records) return Refusal(400, records.error().message);
  wanted.records = to_json(*records);
  return wanted;
}

Argument<RecoverRequest> recover_request(const Request& request, const Json& body) {
  RecoverRequest wanted;
  ASSIGN_OR_RETURN(wanted.cleanup, cleanup_type(request));
  if (const auto config = given(request, "config")) {
    wanted.config = parse_config_source(*config);
    if (!wanted.config) return Refusal(400, "config must be empty or set to current, own");
  }
  ASSIGN_OR_RETURN(wanted.params, params_of(body));
  return wanted;
}

Argument<std::string> idempotency_key(const Request& request) {
  constexpr std::size_t kLongestKey = 255;
  auto key = request.headers.value("Idempotency-Key");
  if (!key) return std::string();
  if (key->size() >= 2 && key->front() == '"' && key->back() == '"') key = key->substr(1, key->size() - 2);
  const bool is_visible = std::ranges::all_of(*key, [](char c) { return c > ' ' && c < '\x7f' && c != ','; });
  if (request.headers.count("Idempotency-Key") > 1 || key->empty() || key->size() > kLongestKey || !is_visible)
    return Refusal(
        400,
        fmt::format("Idempotency-Key must be one key of 1 to {} visible ASCII characters without commas", kLongestKey));
  return std::move(*key);
}

bool start_wanted(const Request& request) {
  return request.query_value("start") != "false";
}

Argument<std::string> log_level(const Request& request, const Json& body) {
  std::string level = request.query_value("log_level").value_or("");
  if (auto member = body.find("log_level");
      level.empty() && body.is_object() && member != body.end() && member->is_string())
    level = member->get<std::string>();
  if (parse_log_level(level)) return level;
  return Refusal(
      400, fmt::format("Invalid log level \"{}\", must be one of: trace, debug, info, warn, error, fatal", level));
}

Argument<LogQuery> log_query(const Request& request) {
  constexpr std::int64_t kMostLines = 1'000'000;
  LogQuery query;
  query.process = given(request, "process").value_or(query.process);
  query.from = given(request, "from").value_or("");
  for (const char* name : {"lines", "tail"}) {
    const auto text = given(request, name);
    if (!text) continue;
    const auto lines = parse_integer(*text);
    if (!lines || *lines < 0) return Refusal(400, fmt::format("{} parameter must be a number, got {}", name, *text));
    query.lines = std::min(*lines, kMostLines);
  }
  return query;
}

bool wants_to_follow(const Request& request) {
  const auto follow = request.query_value("follow");
  return follow && *follow != "false" && *follow != "0";
}

Argument<Json> posted_job(Json body) {
  if (!body.is_object() || !has_operations(body)) return Refusal(400, "No job was posted");
  if (body.contains("job_id") && !is_falsy(body["job_id"]))
    return Refusal(422, "Job cannot include a job_id on submit");
  return body;
}

Argument<Json> job_update(std::string_view job_id, Json body) {
  if (!body.is_object() || body.empty())
    return Refusal(400, fmt::format("no data was provided to update job {}", job_id));
  return body;
}

}  // namespace slicemill::api::teraslice
