#include "connectors/connection_config.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "connectors/connection_types.h"
#include "core/runtime/files.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr mode_t kForOthers = 0077;

std::string absolute_path(const std::string& path, const std::string& file) {
  std::error_code failed;
  const auto base = std::filesystem::absolute(file, failed).parent_path();
  return (base / path).lexically_normal().string();
}

bool is_name(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

// What is not a secret, as texts: the form in which all types get them.
std::string as_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_compact_text(value);
}

class ConnectionReading {
 public:
  ConnectionReading(const std::string& name, const Json& given, const std::string& file)
      : name_(name), given_(given), file_(file) {
    configured_.place = fmt::format("{}: connections.{}", file, name);
  }

  Result<ConfiguredConnection> read() {
    if (!is_name(name_))
      return Error(ErrorCode::invalid,
                   fmt::format("{}: a name consists of letters, digits and _ - .", configured_.place));
    if (!given_.is_object())
      return Error(ErrorCode::invalid,
                   fmt::format("{}: expected `type` and the settings of the connection", configured_.place));
    RETURN_IF_ERROR(find_type());
    Json settings = Json::object();
    for (const auto& [key, value] : given_.items()) {
      if (key == "type") continue;
      ASSIGN_OR_RETURN(const bool taken, take_secret(key, value));
      if (!taken) settings[key] = value;
    }
    RETURN_IF_ERROR(take_settings(settings));
    if (const auto checked = type_->check(configured_); !checked)
      return Error(ErrorCode::invalid, fmt::format("{}.{}", configured_.place, checked.error().message));
    return std::move(configured_);
  }

  bool has_plain_secret() const {
    return std::ranges::any_of(configured_secrets_,
                               [](SecretSource::Kind kind) { return kind == SecretSource::Kind::value; });
  }

 private:
  Error wrong(const std::string& key, std::string_view problem) const {
    return {ErrorCode::invalid, fmt::format("{}.{}: {}", configured_.place, key, problem)};
  }

  Result<void> find_type() {
    std::vector<std::string> known;
    for (const auto& type : connection_types()) known.push_back(type.name);
    const auto type = given_.find("type");
    if (type == given_.end() || !type->is_string())
      return wrong("type", fmt::format("expected one of {}", join(known, ", ")));
    type_ = find_connection_type(type->get_ref<const std::string&>());
    if (type_ == nullptr)
      return wrong("type",
                   fmt::format("'{}' is not one of {}", type->get_ref<const std::string&>(), join(known, ", ")));
    configured_.type = type_->name;
    return {};
  }

  // False: the key is no secret.
  Result<bool> take_secret(const std::string& key, const Json& value) {
    for (const auto& secret : type_->secrets) {
      if (!key.starts_with(secret.name)) continue;
      const std::string how = key.substr(secret.name.size());
      if (!how.empty() && how != "_file" && how != "_env" && how != "_command") continue;
      if (value.is_null()) return true;
      if (!value.is_string() && !(how.empty() && value.is_number()))
        return wrong(key, how.empty() ? "expected a text in quotes" : "expected a text");
      if (configured_.secrets.contains(secret.name))
        return wrong(key, fmt::format("the {} is given twice, in different ways", secret.name));
      ASSIGN_OR_RETURN(SecretSource source, source_of(key, how, as_text(value)));
      configured_.secrets.emplace(secret.name, std::move(source));
      return true;
    }
    return false;
  }

  Result<SecretSource> source_of(const std::string& key, const std::string& how, std::string text) {
    if (text.empty()) return wrong(key, "is empty");
    if (how == "_file") {
      text = absolute_path(text, file_);
      if (const auto file = posix_files().open(text); !file) return wrong(key, file.error().message);
      return SecretSource{SecretSource::Kind::file, std::move(text)};
    }
    if (how == "_command") return SecretSource{SecretSource::Kind::command, std::move(text)};
    if (how.empty()) {
      configured_secrets_.push_back(SecretSource::Kind::value);
      return SecretSource{SecretSource::Kind::value, std::move(text)};
    }
    const char* const variable = std::getenv(text.c_str());
    if (variable == nullptr || *variable == '\0')
      return wrong(key, fmt::format("the environment variable {} is not set", text));
    return SecretSource{SecretSource::Kind::value, variable};
  }

  Result<void> take_settings(const Json& settings) {
    const ValidatedOptions validated = validate_against(type_->settings, settings);
    if (!validated.issues.empty()) {
      const ValidationIssue& issue = validated.issues.front();
      return wrong(join(issue.path, "."), issue.message);
    }
    if (!validated.warnings.empty()) {
      std::vector<std::string> known;
      for (const auto& spec : type_->settings) known.push_back(spec.name);
      for (const auto& secret : type_->secrets)
        for (const char* how : {"", "_file", "_env", "_command"}) known.push_back(secret.name + how);
      const std::string& key = validated.warnings.front().field;
      const auto near = nearest_word(key, known);
      return wrong(key, near ? fmt::format("unknown setting; did you mean '{}'?", *near)
                             : fmt::format("unknown setting; known: {}", join(known, ", ")));
    }
    for (const auto& spec : type_->settings) {
      const auto found = validated.options.find(spec.name);
      if (found == validated.options.end() || found->is_null()) continue;
      configured_.settings[spec.name] =
          spec.is_path ? absolute_path(found->get<std::string>(), file_) : as_text(*found);
    }
    return {};
  }

  const std::string& name_;
  const Json& given_;
  const std::string& file_;
  const ConnectionType* type_ = nullptr;
  ConfiguredConnection configured_;
  std::vector<SecretSource::Kind> configured_secrets_;
};

// No child may have them. Two connections may share one.
void forget_variables(const Json& given) {
  for (const auto& [name, connection] : given.items()) {
    if (!connection.is_object()) continue;
    for (const auto& [key, value] : connection.items())
      if (key.ends_with("_env") && value.is_string()) unsetenv(value.get<std::string>().c_str());
  }
}

bool others_can_read(const std::string& file) {
  struct stat found {};
  return stat(file.c_str(), &found) == 0 && (found.st_mode & kForOthers) != 0;
}

}  // namespace

Result<ConfiguredConnections> read_connections(const Json& given, const std::string& file) {
  ConfiguredConnections connections;
  if (given.is_null()) return connections;
  if (!given.is_object())
    return Error(ErrorCode::invalid, fmt::format("{}: connections: expected a name and settings for each", file));
  for (const auto& [name, settings] : given.items()) {
    ConnectionReading reading(name, settings, file);
    ASSIGN_OR_RETURN(ConfiguredConnection connection, reading.read());
    if (reading.has_plain_secret() && others_can_read(file) && connections.warnings.empty())
      connections.warnings.push_back(
          fmt::format("{}: it holds secrets, and other users may read it; chmod 600, or use password_file", file));
    connections.book.add(name, std::move(connection));
  }
  forget_variables(given);
  return connections;
}

}  // namespace slicemill
