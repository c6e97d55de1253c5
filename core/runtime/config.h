// Layered configuration of the processes that users start: flag > environment SLICEMILL_* > file (YAML) > default.
//
// One table of settings drives every layer, `slicemill master --help` and docs/configuration.md. Whoever needs a
// setting adds a row. No state: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

enum class SettingType {
  text,
  directory,    // made absolute against the working directory
  integer,      // between minimum and maximum
  port_range,   // "25679:26678"
  bytes,        // "512MB", "2GiB", or plain bytes; between minimum and maximum
  duration_ms,  // "5s", "2 minutes", or plain milliseconds; from 1 to maximum, and to kLongestDurationMs
  word,         // one of choices
  list,         // texts between commas; in the file a list too
};

// Environment variables by name.
using Environment = std::map<std::string, std::string>;

struct SettingSpec {
  std::string name;  // key in the file; the flag and the variable derive from it
  SettingType type = SettingType::text;
  std::string default_text;  // as a user would write it, or a phrase if the default is computed
  std::string description;   // one sentence
  std::vector<std::string> choices = {};
  std::int64_t minimum = 0;
  std::int64_t maximum = std::numeric_limits<std::int64_t>::max();
  bool for_run = false;  // `slicemill run` takes it too
  std::function<Result<std::string>(const Environment&)> computed_default = nullptr;

  std::string flag() const;       // "--log-level"
  std::string variable() const;   // "SLICEMILL_LOG_LEVEL"
  std::string type_text() const;  // "integer", "duration", "debug|info"
};

const std::vector<SettingSpec>& setting_specs();

enum class SettingSource { built_in, file, environment, flag };
std::string_view to_string(SettingSource source);

struct SettingValue {
  std::string text;
  std::int64_t number = 0;  // of integers, sizes (bytes) and durations (milliseconds)
  SettingSource source = SettingSource::built_in;
};

// What a part of a configuration file means that was written for another program.
struct TranslatedConfig {
  std::map<std::string, std::string> values;                     // by name of our setting, as text
  std::map<std::string, std::string> keys;                       // by name of our setting: the key in the file
  std::vector<std::pair<std::string, std::string>> environment;  // variables of controllers and workers
  std::vector<std::string> warnings;  // one line for each key that means nothing here, or is unknown
};

// The configuration of another program, which may stand in the same file. Pure functions, any thread.
struct ForeignConfig {
  bool (*is_root)(const std::string& key);
  // `config` is the whole file; other roots are left alone. invalid: a root or a translated key of the wrong type.
  Result<TranslatedConfig> (*translate)(const Json& config);
  std::string variable;  // of the environment: it names such a file
};

struct SettingLayers {
  std::map<std::string, std::string> flags;  // by setting name
  Environment environment;                   // see own_environment()
  std::string file;  // path; "": the one that SLICEMILL_CONFIG names, else the foreign variable, else none
  const ForeignConfig* foreign = nullptr;
};

class Settings {
 public:
  // The name must be one of the table: anything else is a bug and ends the process.
  const std::string& text(std::string_view name) const { return value(name).text; }
  std::int64_t number(std::string_view name) const { return value(name).number; }
  SettingSource source(std::string_view name) const { return value(name).source; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  // `connections` of the file, as it stands there, and the file; null and "": it has none. They have no flag and no
  // variable, since other processes see those.
  const Json& connections() const { return connections_; }
  const std::string& connections_file() const { return connections_file_; }
  // Of a foreign configuration: for controllers and workers.
  const std::vector<std::pair<std::string, std::string>>& process_environment() const { return process_environment_; }

 private:
  friend Result<Settings> resolve_settings(const SettingLayers& layers);
  const SettingValue& value(std::string_view name) const;

  std::map<std::string, SettingValue, std::less<>> values_;
  std::vector<std::pair<std::string, std::string>> process_environment_;
  std::vector<std::string> warnings_;  // e.g. a variable that nearly names a setting
  Json connections_;
  std::string connections_file_;
};

// invalid names the flag, the variable, or the file and its key; a file that cannot be read is not_found or io.
Result<Settings> resolve_settings(const SettingLayers& layers);

// This process's SLICEMILL_* variables, those that defaults are computed from (HOME, XDG_STATE_HOME), and the foreign
// one.
Environment own_environment(const ForeignConfig* foreign = nullptr);

// The table of docs/configuration.md.
std::string render_settings_table();

}  // namespace slicemill
