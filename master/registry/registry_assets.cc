#include "master/registry/registry_assets.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace slicemill::master {

namespace {

constexpr const char* kAssetColumns = "SELECT id, name, version, created, doc FROM assets";

// As fixed text of a query: never built from input. nullptr: there is no such order.
const char* sort_expression(const query::Field& field) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 6> kByName = {{
      {"name", "name"},
      {"version", "version"},
      {"id", "id"},
      {"node_version", "json_extract(doc, '$.node_version')"},
      {"platform", "json_extract(doc, '$.platform')"},
      {"arch", "json_extract(doc, '$.arch')"},
  }};
  if (field.role == query::FieldRole::created) return "created";
  const auto* found = std::ranges::find(kByName, field.name, &std::pair<std::string_view, const char*>::first);
  return found != kByName.end() ? found->second : nullptr;
}

// ORDER BY what the keys say, the id last so that pages do not overlap.
std::string asset_order(const std::vector<query::SortKey>& keys) {
  if (keys.empty()) return "created DESC, id DESC";
  std::string order;
  for (const query::SortKey& key : keys) {
    if (const char* expression = sort_expression(*key.field))
      order += fmt::format("{} {}, ", expression, key.descending ? "DESC" : "ASC");
  }
  return order + "id";
}

AssetRow read_row(const Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.integer(3), row.text(4)};
}

Result<std::vector<AssetRow>> read_rows(Statement& query) {
  std::vector<AssetRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return rows;
    rows.push_back(read_row(query));
  }
}

}  // namespace

Result<std::optional<AssetRow>> read_asset(Database& database, const std::string& id) {
  ASSIGN_OR_RETURN(Statement query, database.statement(fmt::format("{} WHERE id = ?1", kAssetColumns)));
  query.bind(1, id);
  ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found) return std::optional<AssetRow>();
  return std::optional(read_row(query));
}

Result<std::vector<AssetRow>> read_assets(Database& database) {
  ASSIGN_OR_RETURN(Statement query, database.statement(fmt::format("{} ORDER BY created, id", kAssetColumns)));
  return read_rows(query);
}

Result<std::vector<AssetRow>> read_assets(Database& database, const AssetQuery& wanted) {
  ASSIGN_OR_RETURN(Statement query,
                   database.statement(fmt::format(
                       "{} WHERE (?1 = '' OR name = ?1) AND (?2 = '' OR version = ?2) ORDER BY {} LIMIT ?3 OFFSET ?4",
                       kAssetColumns, asset_order(wanted.sort))));
  query.bind(1, wanted.name.value_or(""));
  query.bind(2, wanted.version.value_or(""));
  query.bind(3, wanted.size);
  query.bind(4, wanted.from);
  return read_rows(query);
}

}  // namespace slicemill::master
