#include "cli/client/master_client.h"

#include <fmt/format.h>

#include <utility>

#include "cli/client/master_address.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr std::string_view kIssues = "Zod parse error: ";
constexpr std::string_view kCause = "caused by ";
constexpr std::string_view kErrorWord = "Error: ";

// A job that is wrong is 500, in the manner of the first dialect; so the path tells, too.
ErrorCode code_of_status(int status, const HttpCall& call) {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return ErrorCode::invalid;
    case 404:
    case 405:
      return ErrorCode::not_found;
    case 409:
      return ErrorCode::conflict;
    case 410:
      return ErrorCode::gone;
    case 503:
      return ErrorCode::unavailable;
    case 504:
      return ErrorCode::timeout;
    default:
      return status == 500 && !call.body.empty() ? ErrorCode::invalid : ErrorCode::internal;
  }
}

std::string text_member(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string message_of(const HttpAnswer& answer) {
  const auto json = parse_json(answer.body);
  if (!json || !json->is_object()) return fmt::format("the master answers with status {}", answer.status);
  std::string message = text_member(*json, "message");
  if (message.empty()) message = text_member(*json, "error");
  if (message.empty()) message = fmt::format("the master answers with status {}", answer.status);
  const std::string details = text_member(*json, "details");
  return plain_cause(message) + (details.empty() ? "" : ": " + details);
}

std::string place_of(const Json& issue) {
  std::string place;
  const auto path = issue.find("path");
  if (path == issue.end() || !path->is_array()) return place;
  for (const Json& step : *path) {
    const std::string text = step.is_string() ? step.get<std::string>() : to_compact_text(step);
    if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos)
      place += "[" + text + "]";
    else
      place += (place.empty() ? "" : ".") + text;
  }
  return place;
}

// Where the JSON text that begins the text ends.
std::size_t end_of_json(std::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ']' || c == '}') && --depth == 0) {
      return i + 1;
    }
  }
  return text.size();
}

std::string with_plain_issues(std::string text) {
  for (auto at = text.find(kIssues); at != std::string::npos; at = text.find(kIssues, at)) {
    const std::string_view json = std::string_view(text).substr(at + kIssues.size());
    const std::size_t length = end_of_json(json);
    const auto issues = parse_json(json.substr(0, length));
    std::vector<std::string> lines;
    if (issues && issues->is_array()) {
      for (const Json& issue : *issues) {
        if (!issue.is_object()) continue;
        const std::string place = place_of(issue);
        lines.push_back(place.empty() ? text_member(issue, "message") : place + ": " + text_member(issue, "message"));
      }
    }
    const std::string plain = lines.empty() ? std::string(json.substr(0, length)) : join(lines, "; ");
    text.replace(at, kIssues.size() + length, plain);
    at += plain.size();
  }
  return text;
}

}  // namespace

std::string plain_cause(std::string_view message) {
  if (const auto cause = message.rfind(kCause); cause != std::string_view::npos)
    message.remove_prefix(cause + kCause.size());
  while (message.starts_with(kErrorWord)) message.remove_prefix(kErrorWord.size());
  return with_plain_issues(std::string(message));
}

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<MasterClient> MasterClient::of(const CommandLine& line) {
  ASSIGN_OR_RETURN(const std::string url, master_url(line));
  return at(url);
}

Result<MasterClient> MasterClient::at(const std::string& url) {
  MasterClient client;
  client.url_ = url;
  ASSIGN_OR_RETURN(client.target_, parse_master_url(url));
  return client;
}

Result<HttpAnswer> MasterClient::send(const HttpCall& call) const {
  ASSIGN_OR_RETURN(HttpAnswer answer, http_send(target_, call, patience_ms_));
  if (answer.status == kOk || answer.status == kCreated) return answer;
  return Error(code_of_status(answer.status, call), message_of(answer));
}

Result<Json> MasterClient::ask(const HttpCall& call) const {
  ASSIGN_OR_RETURN(const HttpAnswer answer, send(call));
  auto json = parse_json(answer.body);
  if (!json)
    return Error(ErrorCode::unavailable, fmt::format("{} is not a slicemill master: its answer is no JSON", url_));
  return json;
}

Result<Json> MasterClient::get(const std::string& path) const {
  return ask({.method = "GET", .path = path});
}

Result<std::vector<Json>> MasterClient::list(const std::string& path) const {
  ASSIGN_OR_RETURN(Json json, get(path));
  if (!json.is_array())
    return Error(ErrorCode::unavailable, fmt::format("{} is not a slicemill master: its answer is no list", url_));
  std::vector<Json> items;
  for (Json& item : json) {
    if (item.is_object()) items.push_back(std::move(item));
  }
  return items;
}

Result<Json> MasterClient::post(const std::string& path, const Json& body) const {
  if (body.is_null()) return ask({.method = "POST", .path = path});
  return post(path, "application/json", to_compact_text(body));
}

Result<Json> MasterClient::post(const std::string& path, std::string content_type, std::string body) const {
  return ask({.method = "POST", .path = path, .content_type = std::move(content_type), .body = std::move(body)});
}

Result<Json> MasterClient::remove(const std::string& path) const {
  return ask({.method = "DELETE", .path = path});
}

Result<HttpAnswer> MasterClient::text(const std::string& path) const {
  return send({.method = "GET", .path = path});
}

}  // namespace slicemill::cli
