#include "master/processes/controller_endpoints.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "core/runtime/files.h"
#include "core/runtime/json.h"

namespace slicemill::master {

namespace {

// Whether a controller could listen there now. It asks as ZeroMQ will: connections that linger do not count.
bool is_free(const std::string& address, int port) {
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(static_cast<in_port_t>(port));
  if (inet_pton(AF_INET, address.c_str(), &place.sin_addr) != 1) return false;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0;
  close(fd);
  return bound;
}

std::optional<ControllerEndpoint> launched(const std::string& launch_file) {
  const auto text = read_whole_file(posix_files(), launch_file);
  if (!text) return std::nullopt;  // never launched
  const auto json = parse_json(*text);
  if (!json) return std::nullopt;  // it is written whole or not at all: damaged from outside, and written anew soon
  auto launch = ControllerLaunch::from_json(*json);
  if (!launch) return std::nullopt;
  return ControllerEndpoint{std::move(launch->controller_endpoint),
                            {std::move(launch->controller_public_key), std::move(launch->controller_secret_key)}};
}

}  // namespace

ControllerEndpoints::ControllerEndpoints(DataLayout layout, WorkerTransport transport)
    : layout_(std::move(layout)), transport_(std::move(transport)) {}

Result<ControllerEndpoint> ControllerEndpoints::of(const ExecutionId& id) {
  const auto found = known_.find(id);
  if (found != known_.end()) return found->second;
  auto endpoint = launched(layout_.launch_file(id.text));
  if (!endpoint) {
    ASSIGN_OR_RETURN(endpoint, choose(id));
  }
  return known_.emplace(id, std::move(*endpoint)).first->second;
}

Result<ControllerEndpoint> ControllerEndpoints::choose(const ExecutionId& id) const {
  if (!transport_.tcp) return ControllerEndpoint{layout_.controller_endpoint(id.text), {}};
  const PortRange& ports = transport_.ports;
  const int count = ports.last - ports.first + 1;
  // Other masters of this machine may have the same range: they begin elsewhere.
  const int start = static_cast<int>(std::hash<std::string>()(id.text) % static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const int port = ports.first + (start + i) % count;
    const auto endpoint = fmt::format("tcp://{}:{}", transport_.address, port);
    if (!is_taken(endpoint) && is_free(transport_.address, port)) return ControllerEndpoint{endpoint, new_curve_keys()};
  }
  return Error(ErrorCode::unavailable, fmt::format("no port of controller_ports {}:{} is free on {}", ports.first,
                                                   ports.last, transport_.address));
}

bool ControllerEndpoints::is_taken(const std::string& endpoint) const {
  return std::ranges::any_of(known_, [&](const auto& entry) { return entry.second.endpoint == endpoint; });
}

}  // namespace slicemill::master
