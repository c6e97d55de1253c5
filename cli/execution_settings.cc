#include "cli/execution_settings.h"

#include <nlohmann/json.hpp>

namespace slicemill::cli {

ExecutionSettings execution_settings(const Settings& settings) {
  // Both sides name them alike; the table has a row for each (tests/cli holds it to that).
  Json json = to_json(ExecutionSettings{});
  for (const auto& [name, value] : json.items()) value = settings.number(name);
  return *execution_settings_from_json(json);
}

}  // namespace slicemill::cli
