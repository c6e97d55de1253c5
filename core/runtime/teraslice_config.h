// A Teraslice configuration (roots `teraslice:` and `terafoundation:`) in terms of our settings. Pure, any thread.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

struct TranslatedConfig {
  std::map<std::string, std::string> values;                     // by name of our setting, as text
  std::map<std::string, std::string> keys;                       // by name of our setting: "teraslice.workers"
  std::vector<std::pair<std::string, std::string>> environment;  // env_vars
  std::vector<std::string> warnings;  // one line for each key that means nothing here, or is unknown
};

bool is_teraslice_root(const std::string& key);

// `config` is the whole file; other roots are left alone. invalid: a root or a translated key of the wrong type.
Result<TranslatedConfig> translate_teraslice_config(const Json& config);

// The rows of docs/teraslice.md: what each key becomes.
std::string render_teraslice_config_table();

}  // namespace slicemill
