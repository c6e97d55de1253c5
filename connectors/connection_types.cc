#include "connectors/connection_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "connectors/postgres/postgres_connection.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

std::string_view type_word(OptionType type) {
  switch (type) {
    case OptionType::integer:
      return "integer";
    case OptionType::duration_ms:
      return "duration";
    default:
      return "text";
  }
}

}  // namespace

const std::vector<ConnectionType>& connection_types() {
  static const std::vector<ConnectionType> types = {
      postgres_connection_type(),
  };
  return types;
}

const ConnectionType* find_connection_type(std::string_view name) {
  const auto found = std::ranges::find(connection_types(), name, &ConnectionType::name);
  return found == connection_types().end() ? nullptr : &*found;
}

std::string render_connection_types() {
  std::string text;
  for (const ConnectionType& type : connection_types()) {
    text += fmt::format("### {}\n\n{}\n\n| Setting | Type | Default | Meaning |\n|---|---|---|---|\n", type.name,
                        type.description);
    for (const OptionSpec& spec : type.settings) {
      std::string meaning = spec.description;
      if (!spec.choices.empty()) meaning += fmt::format(" One of {}.", join(spec.choices, ", "));
      text += fmt::format("| `{}` | {} | {} | {} |\n", spec.name, type_word(spec.type),
                          spec.default_value.is_null() ? "-" : to_compact_text(spec.default_value), meaning);
    }
    for (const ConnectionType::Secret& secret : type.secrets)
      text += fmt::format("| `{0}`, `{0}_file`, `{0}_env`, `{0}_command` | secret | - | {1} |\n", secret.name,
                          secret.description);
    text += "\n";
  }
  text.pop_back();
  return text;
}

}  // namespace slicemill
