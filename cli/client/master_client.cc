#include "cli/client/master_client.h"

#include <fmt/format.h>

#include <utility>

#include "cli/client/master_address.h"
#include "cli/client/plain_words.h"
#include "cli/client/stored_executions.h"
#include "cli/ended_ledger.h"
#include "cli/shell_words.h"

namespace slicemill::cli {
namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;

// A job that is wrong is 500, as its clients expect; so the path tells, too.
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

std::string message_of(const Json& answer, int status) {
  std::string message = text_member(answer, "message");
  if (message.empty()) message = text_member(answer, "error");
  if (message.empty()) message = fmt::format("the master answers with status {}", status);
  const std::string details = text_member(answer, "details");
  return plain_cause(message) + (details.empty() ? "" : ": " + details);
}

// Who ran a job without a master looks for it elsewhere. "" if nothing is there.
std::string data_hint(const CommandLine& line) {
  const auto layout = data_layout(line);
  if (!layout) return {};
  const auto ids = stored_ids(*layout);
  if (!ids || ids->empty()) return {};
  return fmt::format("; what `slicemill run` did is found with --data {}", for_shell(layout->data));
}

}  // namespace

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
  ASSIGN_OR_RETURN(const auto named, named_master(line));
  ASSIGN_OR_RETURN(MasterClient client, at(named.value_or(kDefaultMaster)));
  client.place_ = place_words(line);
  if (!named && looks_into_data(line.command)) client.data_hint_ = data_hint(line);
  return client;
}

Result<MasterClient> MasterClient::at(const std::string& url) {
  MasterClient client;
  client.url_ = url;
  ASSIGN_OR_RETURN(client.target_, parse_master_url(url));
  return client;
}

Result<HttpAnswer> MasterClient::send(const HttpCall& call) const {
  auto sent = http_send(target_, call, patience_ms_);
  if (!sent) {
    Error error = sent.error();
    if (error.code == ErrorCode::unavailable) error.message += data_hint_;
    return error;
  }
  HttpAnswer answer = std::move(*sent);
  if (answer.status == kOk || answer.status == kCreated) return answer;
  const auto json = parse_json(answer.body);
  if (!json || !json->is_object())
    return Error(ErrorCode::unavailable,
                 fmt::format("{} answers with status {} and no JSON: it is no slicemill master, or a proxy before one",
                             url_, answer.status));
  return Error(code_of_status(answer.status, call), message_of(*json, answer.status));
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

Result<Json> MasterClient::put(const std::string& path, const Json& body) const {
  return ask({.method = "PUT", .path = path, .content_type = "application/json", .body = to_compact_text(body)});
}

Result<Json> MasterClient::remove(const std::string& path) const {
  return ask({.method = "DELETE", .path = path});
}

Result<HttpAnswer> MasterClient::text(const std::string& path) const {
  return send({.method = "GET", .path = path});
}

}  // namespace slicemill::cli
