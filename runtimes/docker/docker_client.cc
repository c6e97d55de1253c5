#include "runtimes/docker/docker_client.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "core/runtime/base64.h"

namespace slicemill::docker {
namespace {

constexpr std::string_view kVersion = "/v1.41";  // the oldest one in use: Docker 20.10, Podman 4
constexpr int kNotModified = 304;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr int kFirstFailure = 300;
constexpr std::size_t kMostProgressLine = 1 << 20;

std::string target_of(std::string_view path) {
  return fmt::format("{}{}", kVersion, path);
}

std::string container_target(std::string_view id, std::string_view rest = "") {
  return fmt::format("{}/containers/{}{}", kVersion, percent_encoded(id), rest);
}

// What the server says, or the bare status.
std::string message_of(const ApiAnswer& answer) {
  const auto json = parse_json(answer.body);
  if (json && json->is_object()) {
    if (const auto message = json->find("message"); message != json->end() && message->is_string())
      return message->get<std::string>();
    if (const auto cause = json->find("cause"); cause != json->end() && cause->is_string())
      return cause->get<std::string>();
  }
  return fmt::format("status {}", answer.status);
}

Result<void> check_status(const ApiAnswer& answer, std::string_view method, std::string_view target) {
  if (answer.status < kFirstFailure || answer.status == kNotModified) return {};
  auto message = fmt::format("{} {}: {}", method, target, message_of(answer));
  if (answer.status == kNotFound) return Error{ErrorCode::not_found, std::move(message)};
  if (answer.status == kConflict) return Error{ErrorCode::conflict, std::move(message)};
  if (answer.status < 500) return Error{ErrorCode::invalid, std::move(message), false};
  return Error{ErrorCode::io, std::move(message)};
}

// A member of an answer; what lacks it is no answer of such a server.
template <typename T>
Result<T> member_of(const Json& json, std::string_view name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  const bool fits =
      found != json.end() && (std::is_same_v<T, std::string> ? found->is_string() : found->is_number_integer());
  if (!fits) return Error{ErrorCode::corrupt, fmt::format("an answer without {}", name)};
  return found->template get<T>();
}

struct ImageName {
  std::string name;
  std::string tag;  // or digest
};

// "a/b:1" -> {"a/b", "1"}; the colon of a port is none of a tag.
ImageName image_name(std::string_view reference) {
  if (const auto at = reference.find('@'); at != reference.npos)
    return {std::string(reference.substr(0, at)), std::string(reference.substr(at + 1))};
  const auto colon = reference.rfind(':');
  const auto slash = reference.rfind('/');
  if (colon == reference.npos || (slash != reference.npos && colon < slash)) return {std::string(reference), "latest"};
  return {std::string(reference.substr(0, colon)), std::string(reference.substr(colon + 1))};
}

// Base64 with the letters that need no escapes in a header.
std::string login_text(const RegistryLogin& login) {
  auto text = to_base64(to_compact_text({{"username", login.username}, {"password", login.password}}));
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

// Lines of JSON that tell of progress; one may tell of a failure, with a status of success before it.
class PullProgress {
 public:
  Result<void> feed(std::string_view bytes) {
    for (;;) {
      const auto end = bytes.find('\n');
      line_ += bytes.substr(0, end);
      if (line_.size() > kMostProgressLine) return Error{ErrorCode::corrupt, "a line of progress that does not end"};
      if (end == bytes.npos) return {};
      RETURN_IF_ERROR(finish());
      bytes.remove_prefix(end + 1);
    }
  }

  Result<void> finish() {
    const auto json = parse_json(std::exchange(line_, {}));
    if (!json || !json->is_object()) return {};
    const auto error = json->find("error");
    if (error == json->end() || !error->is_string()) return {};
    return Error{ErrorCode::io, error->get<std::string>()};
  }

 private:
  std::string line_;
};

}  // namespace

Result<std::string> DockerClient::call(std::string_view method, const std::string& target, const Json* body) const {
  ApiRequest request{std::string(method), target};
  if (body != nullptr) request.body = to_compact_text(*body);
  ASSIGN_OR_RETURN(auto answer, socket_.request(request));
  RETURN_IF_ERROR(check_status(answer, method, target));
  return std::move(answer.body);
}

Result<Json> DockerClient::call_for_json(std::string_view method, const std::string& target, const Json* body) const {
  ASSIGN_OR_RETURN(const auto text, call(method, target, body));
  auto json = parse_json(text);
  if (!json) return Error{ErrorCode::corrupt, fmt::format("{} {}: {}", method, target, json.error().message)};
  return json;
}

Result<void> DockerClient::remove_at(const std::string& target) const {
  const auto removed = call("DELETE", target);
  if (!removed && removed.error().code != ErrorCode::not_found) return removed.error();
  return {};
}

Result<void> DockerClient::ping() const {
  RETURN_IF_ERROR(call("GET", target_of("/_ping")));
  return {};
}

Result<bool> DockerClient::has_image(std::string_view reference) const {
  const auto found = call("GET", target_of(fmt::format("/images/{}/json", percent_encoded(reference))));
  if (found) return true;
  if (found.error().code == ErrorCode::not_found) return false;
  return found.error();
}

Result<void> DockerClient::pull(std::string_view reference, const RegistryLogin* login,
                                const std::stop_token& stop) const {
  const auto image = image_name(reference);
  ApiRequest request{"POST", target_of(fmt::format("/images/create?fromImage={}&tag={}", percent_encoded(image.name),
                                                   percent_encoded(image.tag)))};
  if (login != nullptr) request.registry_auth = login_text(*login);
  PullProgress progress;
  const PieceSink sink = [&](std::string_view piece) { return progress.feed(piece); };
  auto answer = socket_.stream(request, sink, stop);
  Result<void> pulled;
  if (!answer) {
    pulled = answer.error();
  } else {
    pulled = check_status(*answer, "POST", request.target);
    if (pulled) pulled = progress.finish();
  }
  if (!pulled) return with_context(pulled.error(), fmt::format("pull {}", reference));
  return {};
}

Result<std::string> DockerClient::create(const ContainerSpec& spec) const {
  ASSIGN_OR_RETURN(const auto body, creation_body(spec));
  const std::string name = spec.name.empty() ? "" : fmt::format("?name={}", percent_encoded(spec.name));
  ASSIGN_OR_RETURN(const auto json, call_for_json("POST", target_of("/containers/create" + name), &body));
  return member_of<std::string>(json, "Id");
}

Result<void> DockerClient::start(std::string_view id) const {
  RETURN_IF_ERROR(call("POST", container_target(id, "/start")));
  return {};
}

Result<std::int64_t> DockerClient::wait(std::string_view id, const std::stop_token& stop) const {
  const ApiRequest request{"POST", container_target(id, "/wait?condition=not-running")};
  std::string body;
  const PieceSink sink = [&](std::string_view piece) -> Result<void> {
    body += piece;
    if (body.size() > kMostProgressLine) return Error{ErrorCode::corrupt, "an answer that does not end"};
    return {};
  };
  ASSIGN_OR_RETURN(const auto answer, socket_.stream(request, sink, stop));
  RETURN_IF_ERROR(check_status(answer, request.method, request.target));
  auto json = parse_json(body);
  if (!json) return Error{ErrorCode::corrupt, fmt::format("POST {}: {}", request.target, json.error().message)};
  return member_of<std::int64_t>(*json, "StatusCode");
}

Result<void> DockerClient::logs(std::string_view id, bool follow, const OutputSink& sink,
                                const std::stop_token& stop) const {
  const ApiRequest request{"GET", container_target(id, fmt::format("/logs?stdout=true&stderr=true&follow={}", follow))};
  LogFrames frames;
  const PieceSink pieces = [&](std::string_view piece) { return frames.feed(piece, sink); };
  ASSIGN_OR_RETURN(const auto answer, socket_.stream(request, pieces, stop));
  RETURN_IF_ERROR(check_status(answer, request.method, request.target));
  if (!frames.is_whole()) return Error{ErrorCode::unavailable, fmt::format("the output of {} broke off", id)};
  return {};
}

Result<void> DockerClient::kill(std::string_view id, std::string_view signal) const {
  RETURN_IF_ERROR(call("POST", container_target(id, fmt::format("/kill?signal={}", percent_encoded(signal)))));
  return {};
}

Result<void> DockerClient::remove(std::string_view id) const {
  return remove_at(container_target(id, "?force=true&v=true"));
}

Result<ContainerState> DockerClient::inspect(std::string_view id) const {
  ASSIGN_OR_RETURN(const auto json, call_for_json("GET", container_target(id, "/json")));
  const auto found = json.find("State");
  if (found == json.end() || !found->is_object()) return Error{ErrorCode::corrupt, "an answer without State"};
  ContainerState state;
  ASSIGN_OR_RETURN(state.status, member_of<std::string>(*found, "Status"));
  ASSIGN_OR_RETURN(state.exit_code, member_of<std::int64_t>(*found, "ExitCode"));
  state.is_running = is_true(*found, "Running");
  state.ran_out_of_memory = is_true(*found, "OOMKilled");
  if (const auto error = member_of<std::string>(*found, "Error")) state.error = *error;
  return state;
}

Result<std::vector<std::string>> DockerClient::list(const Labels& labels) const {
  Json filters = {{"label", Json::array()}};
  for (const auto& [name, value] : labels) filters["label"].push_back(fmt::format("{}={}", name, value));
  const auto target = target_of("/containers/json?all=true&filters=" + percent_encoded(to_compact_text(filters)));
  ASSIGN_OR_RETURN(const auto json, call_for_json("GET", target));
  std::vector<std::string> ids;
  for (const auto& one : json) {
    ASSIGN_OR_RETURN(auto id, member_of<std::string>(one, "Id"));
    ids.push_back(std::move(id));
  }
  return ids;
}

Result<void> DockerClient::put_files(std::string_view id, std::string_view directory,
                                     const std::vector<ArchivedFile>& files) const {
  ApiRequest request{"PUT", container_target(id, "/archive?path=" + percent_encoded(directory))};
  request.content_type = "application/x-tar";
  ASSIGN_OR_RETURN(request.body, tar_of(files));
  ASSIGN_OR_RETURN(const auto answer, socket_.request(request));
  return check_status(answer, request.method, request.target);
}

Result<std::string> DockerClient::read_file(std::string_view id, std::string_view path, std::size_t most) const {
  ASSIGN_OR_RETURN(const auto tar, call("GET", container_target(id, "/archive?path=" + percent_encoded(path))));
  return file_in_tar(tar, most);
}

Result<std::string> DockerClient::create_volume(const Labels& labels) const {
  const Json body = {{"Labels", labels}};
  ASSIGN_OR_RETURN(const auto json, call_for_json("POST", target_of("/volumes/create"), &body));
  return member_of<std::string>(json, "Name");
}

Result<void> DockerClient::remove_volume(std::string_view name) const {
  return remove_at(target_of("/volumes/" + percent_encoded(name)));
}

Result<std::string> DockerClient::create_network(std::string_view name, const Labels& labels) const {
  const Json body = {{"Name", name}, {"CheckDuplicate", true}, {"Driver", "bridge"}, {"Labels", labels}};
  ASSIGN_OR_RETURN(const auto json, call_for_json("POST", target_of("/networks/create"), &body));
  return member_of<std::string>(json, "Id");
}

Result<void> DockerClient::remove_network(std::string_view id) const {
  return remove_at(target_of("/networks/" + percent_encoded(id)));
}

}  // namespace slicemill::docker
