#include "core/model/connections.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/runtime/files.h"
#include "core/runtime/piped_child.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kSecretPatience{30};
constexpr std::size_t kMostSecretBytes = 64 << 10;
constexpr const char* kMask = "***";

Connections& own_connections() {
  static Connections connections;
  return connections;
}

// Files and commands end their output with a line end, which is no part of the secret.
Result<std::string> as_secret(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.size() > kMostSecretBytes || text.find('\0') != std::string::npos)
    return Error(ErrorCode::invalid, "it is too long, or has NUL bytes", false);
  if (text.empty()) return Error(ErrorCode::invalid, "it is empty", false);
  return text;
}

// What a child writes until it ends. What it says on its standard error is not shown: that may be the secret.
Result<std::string> output_of(const std::string& command) {
  ASSIGN_OR_RETURN(const auto child, PipedChild::start({.program = "/bin/sh", .arguments = {"sh", "-c", command}}));
  child->close_input();
  const auto deadline = steady_clock::now() + kSecretPatience;
  std::string output;
  std::array<char, 4096> bytes{};
  while (child->output() >= 0 || child->errors() >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0)
      return Error(ErrorCode::timeout, fmt::format("the command has not ended within {} s", kSecretPatience.count()));
    std::array<pollfd, 2> ends{pollfd{child->output(), POLLIN, 0}, pollfd{child->errors(), POLLIN, 0}};
    if (poll(ends.data(), ends.size(), static_cast<int>(left)) <= 0) continue;
    for (const pollfd& end : ends) {
      if (end.fd < 0 || end.revents == 0) continue;
      const ssize_t got = read(end.fd, bytes.data(), bytes.size());
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      const bool is_output = end.fd == child->output();
      if (got <= 0) {
        is_output ? child->close_output() : child->close_errors();
      } else if (is_output) {
        output.append(bytes.data(), static_cast<std::size_t>(got));
        if (output.size() > 2 * kMostSecretBytes) return Error(ErrorCode::invalid, "its output is too long", false);
      }
    }
  }
  const ProcessExit& exit = child->end(std::chrono::seconds(1));
  if (exit.code != 0 || exit.signal != 0)
    return Error(ErrorCode::unavailable, fmt::format("the command ended with {}", exit.to_text()));
  return output;
}

Result<std::string> secret_of(const SecretSource& source) {
  switch (source.kind) {
    case SecretSource::Kind::value:
      return source.text;
    case SecretSource::Kind::file: {
      ASSIGN_OR_RETURN(std::string text, read_whole_file(posix_files(), source.text));
      auto secret = as_secret(std::move(text));
      if (!secret) return with_context(secret.error(), source.text);
      return secret;
    }
    case SecretSource::Kind::command: {
      ASSIGN_OR_RETURN(std::string text, output_of(source.text));
      return as_secret(std::move(text));
    }
  }
  return std::string();
}

std::string_view ending_of(SecretSource::Kind kind) {
  return kind == SecretSource::Kind::file ? "_file" : kind == SecretSource::Kind::command ? "_command" : "";
}

Result<Connection> resolved(const std::string& name, const ConfiguredConnection& configured) {
  Connection connection{name, configured.type, configured.settings, {}};
  for (const auto& [setting, source] : configured.secrets) {
    auto secret = secret_of(source);
    if (!secret)
      return with_context(secret.error(), fmt::format("connection {}: {}{}", name, setting, ending_of(source.kind)));
    connection.secrets.push_back(*secret);
    connection.settings[setting] = std::move(*secret);
  }
  return connection;
}

}  // namespace

std::vector<std::string> connection_names(const JobSpec& job) {
  std::vector<std::string> names;
  for (const PlanNode& node : job.plan.nodes) {
    const Json& options = node.operation.options;
    const auto found = options.find(kConnectionOption);
    if (found == options.end() || !found->is_string()) continue;
    const auto& name = found->get_ref<const std::string&>();
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

const std::string& Connection::setting(const std::string& key) const {
  static const std::string none;
  const auto found = settings.find(key);
  return found == settings.end() ? none : found->second;
}

std::string Connection::masked(std::string text) const {
  std::vector<std::string> longest_first = secrets;
  std::ranges::sort(longest_first, [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const std::string& secret : longest_first) {
    if (secret.empty()) continue;
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += std::string_view(kMask).size())
      text.replace(at, secret.size(), kMask);
  }
  return text;
}

void Connections::add(Connection connection) {
  connections_.insert_or_assign(connection.name, std::move(connection));
}

Result<const Connection*> Connections::of(const Json& options, std::string_view type) const {
  const std::string name = options.value(kConnectionOption, std::string());
  const auto found = connections_.find(name);
  if (found == connections_.end())
    return Error(ErrorCode::invalid,
                 fmt::format("this process was given no connection \"{}\": it is not in the configuration, or was not "
                             "when the process was started",
                             name),
                 false);
  if (found->second.type != type)
    return Error(ErrorCode::invalid,
                 fmt::format("connection \"{}\" is of type {}, not {}", name, found->second.type, type), false);
  return &found->second;
}

std::string Connections::to_text() const {
  Json all = Json::array();
  for (const auto& [name, connection] : connections_)
    all.push_back({{"name", name},
                   {"type", connection.type},
                   {"settings", connection.settings},
                   {"secrets", connection.secrets}});
  return to_compact_text(all);
}

// The text is never part of an error.
Result<Connections> Connections::from_text(std::string_view text) {
  const auto all = parse_json(text);
  const Error broken(ErrorCode::corrupt, "the connections that this process was given cannot be read", false);
  if (!all || !all->is_array()) return broken;
  Connections connections;
  try {
    for (const Json& one : *all)
      connections.add({one.at("name").get<std::string>(), one.at("type").get<std::string>(),
                       one.at("settings").get<std::map<std::string, std::string>>(),
                       one.at("secrets").get<std::vector<std::string>>()});
  } catch (const Json::exception&) {
    return broken;
  }
  return connections;
}

const Connections& process_connections() {
  return own_connections();
}

void set_process_connections(Connections connections) {
  own_connections() = std::move(connections);
}

Result<void> take_process_connections(std::string& text) {
  if (text.empty()) return {};
  ASSIGN_OR_RETURN(Connections connections, Connections::from_text(text));
  std::ranges::fill(text, '\0');
  set_process_connections(std::move(connections));
  return {};
}

void ConnectionBook::add(const std::string& name, ConfiguredConnection connection) {
  connections_.insert_or_assign(name, std::move(connection));
}

ConnectionTypes ConnectionBook::types() const {
  ConnectionTypes types;
  for (const auto& [name, connection] : connections_) types.emplace(name, connection.type);
  return types;
}

Result<Connections> ConnectionBook::resolve(const std::vector<std::string>& names) const {
  Connections connections;
  for (const std::string& name : names) {
    const auto found = connections_.find(name);
    if (found == connections_.end()) continue;
    ASSIGN_OR_RETURN(Connection connection, resolved(name, found->second));
    connections.add(std::move(connection));
  }
  return connections;
}

std::string known_connections(const ConnectionTypes& types) {
  if (types.empty()) return "the configuration has no connections";
  std::vector<std::string> names;
  for (const auto& [name, type] : types) names.push_back(fmt::format("\"{}\" ({})", name, type));
  return fmt::format("there {} {}", names.size() == 1 ? "is" : "are", join(names, ", "));
}

}  // namespace slicemill
