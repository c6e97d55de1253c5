#include "connectors/postgres/table_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "connectors/postgres/session.h"

namespace slicemill::postgres {

Result<TableName> TableName::parse(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  bool quoted = false;
  bool was_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      part += text[++i];
    } else if (c == '"' && (quoted || part.empty())) {
      quoted = !quoted;
      was_quoted = true;
    } else if (c == '.' && !quoted) {
      parts.push_back(std::exchange(part, ""));
    } else {
      part += c;
    }
  }
  parts.push_back(part);
  if (quoted || parts.size() > 2 || std::ranges::any_of(parts, [](const auto& p) { return p.empty(); }))
    return Error(ErrorCode::invalid,
                 fmt::format("table: expected TABLE or SCHEMA.TABLE, not {}{}", text,
                             was_quoted ? "" : "; a name with a dot in it stands in double quotes"),
                 false);
  if (parts.size() == 1) return TableName{"", std::move(parts[0])};
  return TableName{std::move(parts[0]), std::move(parts[1])};
}

std::string TableName::quoted() const {
  return schema.empty() ? quoted_name(table) : quoted_name(schema) + "." + quoted_name(table);
}

}  // namespace slicemill::postgres
