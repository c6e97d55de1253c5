#include "core/runtime/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <tuple>

#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/text.h"

extern char** environ;

namespace slicemill {
namespace {

constexpr std::string_view kVariablePrefix = "SLICEMILL_";

// Read by other parts, never a setting.
constexpr std::string_view kOtherVariables[] = {"SLICEMILL_FAULT", "SLICEMILL_FAULT_LOG", "SLICEMILL_CONFIG",
                                                "SLICEMILL_CONTROLLER_KEY", "SLICEMILL_MASTER"};

constexpr const char* kConnectionsKey = "connections";            // no setting: only the file has it
constexpr std::string_view kConfigVariable = "SLICEMILL_CONFIG";  // it names the configuration file

Result<std::string> default_data_directory(const Environment& environment) {
  const auto absolute = [&](const char* name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    if (found == environment.end() || !found->second.starts_with('/')) return std::nullopt;
    return found->second;
  };
  if (const auto state = absolute("XDG_STATE_HOME")) return *state + "/slicemill";
  if (const auto home = absolute("HOME")) return *home + "/.local/state/slicemill";
  return Error(ErrorCode::invalid, "data: HOME is not set, so there is no default; give --data DIR");
}

// An optional directory: nothing unless somebody names one.
Result<std::string> unset(const Environment&) {
  return std::string();
}

Result<std::string> default_slots(const Environment&) {
  return std::to_string(std::max(8u, 2 * std::thread::hardware_concurrency()));  // workers mostly wait
}

std::vector<SettingSpec> make_specs() {
  using enum SettingType;
  return {
      {.name = "port",
       .type = integer,
       .default_text = "5678",
       .description = "TCP port of the REST API; 0 takes a free one, which the master prints.",
       .maximum = 65535},
      {.name = "bind",
       .default_text = "127.0.0.1",
       .description =
           "Address that the REST API listens on. There is no authentication: think before leaving the loopback."},
      {.name = "allowed_hosts",
       .type = list,
       .default_text = "none",
       .description =
           "Hosts by which the REST API may be addressed beside its own names, and whose web pages may use it: "
           "names or addresses between commas, such as `jobs.example.com, *.lan, dashboard:8080`.",
       .computed_default = unset},
      {.name = "listeners",
       .type = list,
       .default_text = "none",
       .description = "Further ports with one dialect at their root, for clients that look for it there: "
                      "`DIALECT@PORT` or `DIALECT@ADDRESS:PORT`; several with commas between them.",
       .computed_default = unset},
      {.name = "data",
       .type = directory,
       .default_text = "$XDG_STATE_HOME/slicemill, else ~/.local/state/slicemill",
       .description = "Directory of the registry, the ledgers and the logs. One master at a time.",
       .for_run = true,
       .computed_default = default_data_directory},
      {.name = "slots",
       .type = integer,
       .default_text = "twice the CPUs, at least 8",
       .description = "How many workers may run on this machine at the same time, over all executions.",
       .minimum = 1,
       .maximum = 4096,
       .computed_default = default_slots},
      {.name = "name", .default_text = "slicemill", .description = "Name of this cluster, as `GET /` shows it."},
      {.name = "executions_on_exit",
       .type = word,
       .default_text = "keep",
       .description = "What happens to running executions when the master ends: they go on and meet the next master, "
                      "or they are stopped first.",
       .choices = {"keep", "stop"}},
      {.name = "retention_age",
       .type = duration_ms,
       .default_text = "none",
       .description = "Ended executions are removed this long after their end: registry entry, ledger, logs and output "
                      "that was never published. Published output stays, and so does the newest execution of each job.",
       .for_run = true,
       .computed_default = unset},
      {.name = "retention_count",
       .type = integer,
       .default_text = "none",
       .description = "How many ended executions of each job are kept; older ones are removed in the same way. For "
                      "`slicemill run`: how many in all.",
       .minimum = 1,
       .for_run = true,
       .computed_default = unset},
      {.name = "retention_bytes",
       .type = bytes,
       .default_text = "none",
       .description =
           "How many bytes the ledgers and logs of ended executions may have together; beyond that the oldest "
           "are removed in the same way.",
       .minimum = 1,
       .for_run = true,
       .computed_default = unset},
      {.name = "retention_deleted_age",
       .type = duration_ms,
       .default_text = "7 days",
       .description = "How long the executions of a deleted job stay, with their errors, after the job was deleted."},
      {.name = "assets_directory",
       .type = directory,
       .default_text = "assets in the data directory",
       .description = "Where the unpacked files of asset bundles are.",
       .computed_default = unset},
      {.name = "autoload_directory",
       .type = directory,
       .default_text = "none",
       .description = "Asset bundles (zips) in this directory are taken in at every start of the master.",
       .computed_default = unset},
      {.name = "asset_size_limit",
       .type = bytes,
       .default_text = "512MB",
       .description = "Largest zip that `POST /assets` takes.",
       .minimum = 1},
      {.name = "asset_unpacked_limit",
       .type = bytes,
       .default_text = "2GB",
       .description = "Most bytes that the files of one asset bundle may have when they are unpacked.",
       .minimum = 1},
      {.name = "standby_processes",
       .type = integer,
       .default_text = "1",
       .description = "How many controllers, and how many workers, are started ahead, so that a job begins sooner. "
                      "Each serves one execution, of a job without its own environment and log level.",
       .maximum = 64},
      {.name = "worker_transport",
       .type = word,
       .default_text = "ipc",
       .description = "How slices travel between controllers and workers: by socket files that only this user can "
                      "open, or by encrypted TCP on the loopback, for workers that do not see those files.",
       .choices = {"ipc", "tcp"}},
      {.name = "controller_ports",
       .type = port_range,
       .default_text = "25679:26678",
       .description =
           "First and last TCP port for controllers with `worker_transport` tcp, one for each running execution. "
           "Choose ports below those that the system gives to outgoing connections (`net.ipv4.ip_local_port_range`)."},
      {.name = "log_level",
       .type = word,
       .default_text = "info",
       .description = "Least level that is written to the logs.",
       .choices = {"trace", "debug", "info", "warn", "error", "fatal"},
       .for_run = true},
      {.name = "slicer_timeout",
       .type = duration_ms,
       .default_text = "180s",
       .description = "An execution to which no worker ever connects fails after this time."},
      {.name = "worker_disconnect_timeout",
       .type = duration_ms,
       .default_text = "300s",
       .description = "An execution that has lost all of its workers fails after this time."},
      {.name = "shutdown_timeout",
       .type = duration_ms,
       .default_text = "60s",
       .description =
           "Deadline of a stop that names none. After it slices in flight are given up and their workers are killed.",
       .for_run = true},
      {.name = "beat",
       .type = duration_ms,
       .default_text = "1s",
       .description = "Interval of the signs of life of workers and controllers, where these take messages, and of the "
                      "counters of controllers."},
      {.name = "lease",
       .type = duration_ms,
       .default_text = "5s",
       .description = "A worker or controller that is silent for this long counts as lost."},
      {.name = "reattach",
       .type = duration_ms,
       .default_text = "500ms",
       .description = "How long a restarted controller keeps open slices for the workers that had them."},
      {.name = "min_status",
       .type = duration_ms,
       .default_text = "150ms",
       .description = "How long a short status such as `recovering` stays visible at least."},
      {.name = "retry_base",
       .type = duration_ms,
       .default_text = "100ms",
       .description = "Wait before the first retry of a failed slice. Half of it is random. It doubles from try to try "
                      "up to 30 s; a longer one stays as it is. At most an hour.",
       .maximum = 3'600'000,
       .for_run = true},
  };
}

const SettingSpec* find_spec(std::string_view name) {
  for (const SettingSpec& spec : setting_specs()) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const auto near = nearest_word(word, candidates);
  return near ? fmt::format("; did you mean '{}'?", *near) : std::string();
}

Error bad_value(std::string_view place, std::string_view text, std::string_view expected) {
  return Error(ErrorCode::invalid, fmt::format("{}: '{}' is not {}", place, text, expected));
}

// `place` is what the user wrote: the flag, the variable, or the file and key.
Result<SettingValue> parse_value(const SettingSpec& spec, const std::string& text, SettingSource source,
                                 std::string_view place) {
  if (text.empty()) return Error(ErrorCode::invalid, fmt::format("{}: the value is empty", place));
  SettingValue value{.text = text, .number = 0, .source = source};
  switch (spec.type) {
    case SettingType::text:
    case SettingType::list:
      break;
    case SettingType::directory: {
      std::error_code failed;
      value.text = std::filesystem::absolute(text, failed).lexically_normal().string();
      if (failed) return Error(ErrorCode::invalid, fmt::format("{}: '{}': {}", place, text, failed.message()));
      break;
    }
    case SettingType::bytes: {
      const auto size = parse_byte_size(text);
      if (!size || *size < static_cast<std::uint64_t>(spec.minimum) || *size > static_cast<std::uint64_t>(spec.maximum))
        return bad_value(place, text, fmt::format("a size of at least {} bytes, such as '512MB'", spec.minimum));
      value.number = static_cast<std::int64_t>(*size);
      break;
    }
    case SettingType::port_range:
      if (!parse_port_range(text)) return bad_value(place, text, "two TCP ports such as '25679:26678'");
      break;
    case SettingType::integer: {
      const auto number = parse_integer(text);
      if (!number || *number < spec.minimum || *number > spec.maximum) {
        return bad_value(place, text, fmt::format("an integer from {} to {}", spec.minimum, spec.maximum));
      }
      value.number = *number;
      break;
    }
    case SettingType::duration_ms: {
      const auto number = parse_duration_ms(text);
      if (!number || *number < 1) return bad_value(place, text, "a duration such as '500ms' or '2 minutes'");
      if (const auto most = std::min(spec.maximum, kLongestDurationMs); *number > most)
        return bad_value(place, text, fmt::format("a duration of at most {} ms", most));
      value.number = *number;
      break;
    }
    case SettingType::word:
      if (std::ranges::find(spec.choices, text) == spec.choices.end()) {
        return Error(ErrorCode::invalid, fmt::format("{}: '{}' is not one of {}{}", place, text,
                                                     join(spec.choices, ", "), suggestion(text, spec.choices)));
      }
      break;
  }
  return value;
}

Error unknown_key(const std::string& file, const std::string& key) {
  std::vector<std::string> known;
  for (const SettingSpec& spec : setting_specs()) known.push_back(spec.name);
  known.emplace_back(kConnectionsKey);
  std::string hint = suggestion(key, known);
  if (hint.empty()) hint = "; known keys: " + join(known, ", ");
  return Error(ErrorCode::invalid, fmt::format("{}: unknown key '{}'{}", file, key, hint));
}

struct ConfigFile {
  std::map<std::string, std::string> values;
  std::map<std::string, std::string> keys;  // of values that stand under another name in the file
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> warnings;
  Json connections;
};

// Nothing: the value is none for this setting.
std::optional<std::string> setting_text(const SettingSpec& spec, const Json& value) {
  if (value.is_array() && spec.type == SettingType::list) {
    std::vector<std::string> items;
    for (const Json& item : value) {
      if (item.is_structured() || item.is_null()) return std::nullopt;
      items.push_back(item.is_string() ? item.get<std::string>() : item.dump());
    }
    return join(items, ", ");
  }
  if (value.is_structured() || value.is_null()) return std::nullopt;
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Result<ConfigFile> read_config_file(const std::string& path, const ForeignConfig* foreign) {
  ASSIGN_OR_RETURN(const std::string text, read_whole_file(posix_files(), path));
  ConfigFile file;
  YamlNotes notes;
  auto parsed = parse_yaml(text, &notes);
  if (!parsed) return with_context(parsed.error(), path);
  for (const auto& note : notes) file.warnings.push_back(fmt::format("{}: {}", path, note));
  if (parsed->is_null()) return file;  // an empty file
  if (!parsed->is_object()) {
    return Error(ErrorCode::invalid, fmt::format("{}: expected lines of the form `key: value`", path));
  }
  if (foreign != nullptr) {
    auto translated = foreign->translate(*parsed);
    if (!translated) return with_context(translated.error(), path);
    file.values = std::move(translated->values);
    file.keys = std::move(translated->keys);
    file.environment = std::move(translated->environment);
    for (const auto& warning : translated->warnings) file.warnings.push_back(fmt::format("{}: {}", path, warning));
  }
  for (const auto& [key, value] : parsed->items()) {
    if (foreign != nullptr && foreign->is_root(key)) continue;
    if (key == kConnectionsKey) {
      file.connections = value;
      continue;
    }
    const SettingSpec* spec = find_spec(key);
    if (spec == nullptr) return unknown_key(path, key);
    auto given = setting_text(*spec, value);
    if (!given) return Error(ErrorCode::invalid, fmt::format("{}: {}: expected one value", path, key));
    file.values[key] = std::move(*given);
    file.keys.erase(key);
  }
  return file;
}

std::string config_path(const SettingLayers& layers) {
  if (!layers.file.empty()) return layers.file;
  std::vector<std::string> variables = {std::string(kConfigVariable)};
  if (layers.foreign != nullptr) variables.push_back(layers.foreign->variable);
  for (const std::string& name : variables) {
    const auto found = layers.environment.find(name);
    if (found != layers.environment.end() && !found->second.empty()) return found->second;
  }
  return {};
}

void warn_of_near_variables(const Environment& environment, std::vector<std::string>& warnings) {
  std::vector<std::string> known;
  for (const SettingSpec& spec : setting_specs()) known.push_back(spec.variable());
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kVariablePrefix) || std::ranges::find(known, name) != known.end()) continue;
    if (std::ranges::find(kOtherVariables, name) != std::end(kOtherVariables)) continue;
    // The prefix must not lend its length to the likeness.
    std::vector<std::string> tails;
    tails.reserve(known.size());
    for (const std::string& variable : known) tails.push_back(variable.substr(kVariablePrefix.size()));
    if (const auto near = nearest_word(std::string_view(name).substr(kVariablePrefix.size()), tails)) {
      warnings.push_back(fmt::format("the environment variable {} is not a setting; did you mean {}{}?", name,
                                     kVariablePrefix, *near));
    }
  }
}

}  // namespace

std::string SettingSpec::flag() const {
  std::string text = "--" + name;
  std::ranges::replace(text, '_', '-');
  return text;
}

std::string SettingSpec::variable() const {
  std::string text(kVariablePrefix);
  for (const char c : name) text += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string SettingSpec::type_text() const {
  switch (type) {
    case SettingType::text:
      return "text";
    case SettingType::directory:
      return "directory";
    case SettingType::port_range:
      return "ports";
    case SettingType::integer:
      return "integer";
    case SettingType::bytes:
      return "size";
    case SettingType::duration_ms:
      return "duration";
    case SettingType::word:
      return join(choices, "|");
    case SettingType::list:
      return "list";
  }
  return {};
}

const std::vector<SettingSpec>& setting_specs() {
  static const std::vector<SettingSpec> specs = make_specs();
  return specs;
}

std::string_view to_string(SettingSource source) {
  switch (source) {
    case SettingSource::built_in:
      return "default";
    case SettingSource::file:
      return "file";
    case SettingSource::environment:
      return "environment";
    case SettingSource::flag:
      return "flag";
  }
  return {};
}

const SettingValue& Settings::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) std::abort();
  return found->second;
}

Result<Settings> resolve_settings(const SettingLayers& layers) {
  ConfigFile file;
  const std::string path = config_path(layers);
  if (!path.empty()) {
    ASSIGN_OR_RETURN(file, read_config_file(path, layers.foreign));
  }
  Settings settings;
  settings.process_environment_ = std::move(file.environment);
  settings.warnings_ = std::move(file.warnings);
  if (!file.connections.is_null()) {
    settings.connections_ = std::move(file.connections);
    settings.connections_file_ = path;
  }
  warn_of_near_variables(layers.environment, settings.warnings_);
  for (const SettingSpec& spec : setting_specs()) {
    std::string text = spec.default_text;
    SettingSource source = SettingSource::built_in;
    std::string place = spec.name;
    if (const auto flag = layers.flags.find(spec.name); flag != layers.flags.end()) {
      std::tie(text, source, place) = std::tuple(flag->second, SettingSource::flag, spec.flag());
    } else if (const auto variable = layers.environment.find(spec.variable());
               variable != layers.environment.end() && !variable->second.empty()) {
      std::tie(text, source, place) = std::tuple(variable->second, SettingSource::environment, spec.variable());
    } else if (const auto line = file.values.find(spec.name); line != file.values.end()) {
      const auto key = file.keys.find(spec.name);
      std::tie(text, source, place) =
          std::tuple(line->second, SettingSource::file,
                     fmt::format("{}: {}", path, key == file.keys.end() ? spec.name : key->second));
    } else if (spec.computed_default) {
      ASSIGN_OR_RETURN(text, spec.computed_default(layers.environment));
      if (text.empty()) {
        settings.values_.emplace(spec.name, SettingValue());
        continue;
      }
    }
    ASSIGN_OR_RETURN(SettingValue value, parse_value(spec, text, source, place));
    settings.values_.emplace(spec.name, std::move(value));
  }
  return settings;
}

Environment own_environment(const ForeignConfig* foreign) {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name(text.substr(0, equals));
    if (name.starts_with(kVariablePrefix) || name == "HOME" || name == "XDG_STATE_HOME" ||
        (foreign != nullptr && name == foreign->variable)) {
      environment.emplace(name, text.substr(equals + 1));
    }
  }
  return environment;
}

std::string render_settings_table() {
  std::string table =
      "| Setting | Type | Default | Flag | Environment | `run` | Meaning |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const SettingSpec& spec : setting_specs()) {
    std::string type = spec.type_text();
    for (std::size_t bar = 0; (bar = type.find('|', bar)) != std::string::npos; bar += 2) type.insert(bar, "\\");
    table += fmt::format("| `{}` | {} | {} | `{}` | `{}` | {} | {} |\n", spec.name, type, spec.default_text,
                         spec.flag(), spec.variable(), spec.for_run ? "yes" : "", spec.description);
  }
  return table;
}

}  // namespace slicemill
