#include "api/dialects/teraslice/teraslice_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "core/runtime/process_variables.h"
#include "core/runtime/text.h"

namespace slicemill::api::teraslice {
namespace {

// Either the name of our setting, or why there is none.
struct Key {
  std::string_view name;
  std::string_view setting;
  std::string_view why_none;
};

constexpr std::string_view kKubernetes = "it belongs to Kubernetes, where this master does not place workers";
constexpr std::string_view kIndex = "there is no search engine: state is kept in files below the data directory";
constexpr std::string_view kOneMachine = "the master starts its workers on its own machine";
constexpr std::string_view kMetrics = "this master serves no metrics of that kind";

constexpr Key kTeraslice[] = {
    {"name", "name", ""},
    {"port", "port", ""},
    {"hostname", "bind", ""},
    {"workers", "slots", ""},
    {"assets_directory", "assets_directory", ""},
    {"autoload_directory", "autoload_directory", ""},
    {"shutdown_timeout", "shutdown_timeout", ""},
    {"worker_disconnect_timeout", "worker_disconnect_timeout", ""},
    {"slicer_timeout", "slicer_timeout", ""},
    {"env_vars", "", ""},
    {"master", "", ""},
    {"master_hostname", "", kOneMachine},
    {"assets_volume", "", kKubernetes},
    {"node_disconnect_timeout", "", kOneMachine},
    {"node_state_interval", "", "the state of processes is always current"},
    {"action_timeout", "", "messages between processes need no reply limit: `lease` tells who is lost"},
    {"network_latency_buffer", "", "messages between processes need no reply limit: `lease` tells who is lost"},
    {"analytics_rate", "", "counters arrive with every `beat`"},
    {"api_response_timeout", "", "the limit of an answer is 5 minutes"},
    {"slicer_allocation_attempts", "", "every free port of `controller_ports` is tried"},
    {"slicer_port_range", "controller_ports", ""},
    {"cluster_manager_type", "", kOneMachine},
    {"state", "", kIndex},
    {"index_rollover_frequency", "", kIndex},
    {"index_settings", "", kIndex},
    {"asset_storage_connection_type", "", "assets are files below `assets_directory`"},
    {"asset_storage_connection", "", "assets are files below `assets_directory`"},
    {"asset_storage_bucket", "", "assets are files below `assets_directory`"},
    {"cpu", "", kKubernetes},
    {"memory", "", kKubernetes},
    {"cpu_execution_controller", "", kKubernetes},
    {"memory_execution_controller", "", kKubernetes},
    {"ephemeral_storage", "", kKubernetes},
    {"execution_controller_targets", "", kKubernetes},
    {"kubernetes_api_poll_delay", "", kKubernetes},
    {"kubernetes_image", "", kKubernetes},
    {"kubernetes_image_pull_secret", "", kKubernetes},
    {"kubernetes_config_map_name", "", kKubernetes},
    {"kubernetes_namespace", "", kKubernetes},
    {"kubernetes_overrides_enabled", "", kKubernetes},
    {"kubernetes_priority_class_name", "", kKubernetes},
    {"kubernetes_worker_antiaffinity", "", kKubernetes},
};

constexpr Key kTerafoundation[] = {
    {"log_level", "log_level", ""},
    {"log_path", "", "logs are below the data directory, in logs/"},
    {"logging", "", "logs are below the data directory, in logs/"},
    {"workers", "", "it counts processes of the master; give teraslice.workers"},
    {"connectors", "", "operations name what they read and write by paths; there are no connections"},
    {"prom_metrics_enabled", "", kMetrics},
    {"prom_metrics_port", "", kMetrics},
    {"prom_metrics_add_default", "", kMetrics},
    {"prom_metrics_display_url", "", kMetrics},
};

struct Root {
  std::string_view name;
  std::span<const Key> keys;
};
constexpr Root kRoots[] = {{"teraslice", kTeraslice}, {"terafoundation", kTerafoundation}};

std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Result<void> take_environment(const Json& variables, TranslatedConfig& out) {
  if (!variables.is_object())
    return Error(ErrorCode::invalid, "teraslice.env_vars: expected lines of the form `NAME: value`");
  std::size_t bytes = 0;
  for (const auto& [name, value] : variables.items()) {
    const std::string text = value.is_structured() || value.is_null() ? "" : value_text(value);
    if (name.empty() || text.empty())
      return Error(ErrorCode::invalid,
                   fmt::format("teraslice.env_vars.{}: a variable needs a name and a value that is not empty", name));
    if (const auto wrong = wrong_variable(name, text); !wrong.empty())
      return Error(ErrorCode::invalid, fmt::format("teraslice.env_vars.{}: {}", shown_variable(name), wrong));
    bytes += variable_bytes(name, text);
    out.environment.emplace_back(name, text);
  }
  if (bytes > kMostVariableBytes)
    return Error(ErrorCode::invalid,
                 fmt::format("teraslice.env_vars: all variables together take {} bytes; the most is "
                             "{}",
                             bytes, kMostVariableBytes));
  return {};
}

// A list of levels, one for each sink: the first counts, since there is one sink.
std::string first_level(const Json& value) {
  if (!value.is_array() || value.empty() || !value[0].is_object() || value[0].empty()) return {};
  const Json& level = value[0].begin().value();
  return level.is_string() ? level.get<std::string>() : std::string();
}

Result<void> take(const Root& root, const std::string& name, const Json& value, TranslatedConfig& out) {
  const std::string place = fmt::format("{}.{}", root.name, name);
  const auto known = std::ranges::find(root.keys, name, &Key::name);
  if (known == root.keys.end()) {
    std::vector<std::string> names;
    for (const Key& key : root.keys) names.emplace_back(key.name);
    const auto near = nearest_word(name, names);
    out.warnings.push_back(
        fmt::format("{}: unknown key{}", place, near ? fmt::format("; did you mean '{}'?", *near) : ""));
    return {};
  }
  if (name == "env_vars") return take_environment(value, out);
  if (name == "master") {
    if (value == false) out.warnings.push_back(place + ": this command starts a master all the same");
    return {};
  }
  if (known->setting.empty()) {
    out.warnings.push_back(fmt::format("{}: has no meaning here: {}", place, known->why_none));
    return {};
  }
  if (value.is_null()) return {};
  std::string text = name == "log_level" && value.is_array() ? first_level(value) : std::string();
  if (text.empty()) {
    if (value.is_structured()) return Error(ErrorCode::invalid, place + ": expected one value");
    text = value_text(value);
  }
  out.values[std::string(known->setting)] = text;
  out.keys[std::string(known->setting)] = place;
  return {};
}

bool is_root(const std::string& key) {
  return std::ranges::any_of(kRoots, [&](const Root& root) { return root.name == key; });
}

Result<TranslatedConfig> translate(const Json& config) {
  TranslatedConfig out;
  for (const Root& root : kRoots) {
    const auto found = config.find(root.name);
    if (found == config.end() || found->is_null()) continue;
    if (!found->is_object())
      return Error(ErrorCode::invalid, fmt::format("{}: expected lines of the form `key: value`", root.name));
    for (const auto& [name, value] : found->items()) RETURN_IF_ERROR(take(root, name, value, out));
  }
  return out;
}

}  // namespace

const ForeignConfig& foreign_config() {
  static const ForeignConfig config{.is_root = is_root, .translate = translate, .variable = "TERAFOUNDATION_CONFIG"};
  return config;
}

std::string render_config_table() {
  std::string table = "| Key | Here |\n|---|---|\n";
  for (const Root& root : kRoots) {
    for (const Key& key : root.keys) {
      std::string here = key.setting.empty() ? fmt::format("none: {}", key.why_none) : fmt::format("`{}`", key.setting);
      if (key.name == "env_vars")
        here = "added to the environment of controllers and workers, below a job's `env_vars`";
      if (key.name == "master") here = "`true` is what this command does; `false` gives a warning";
      table += fmt::format("| `{}.{}` | {} |\n", root.name, key.name, here);
    }
  }
  return table;
}

}  // namespace slicemill::api::teraslice
