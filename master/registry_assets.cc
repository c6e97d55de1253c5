#include "master/registry_assets.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace slicemill::master {

namespace {

constexpr const char* kAssetColumns = "SELECT id, name, version, created, doc FROM assets";

// As callers name them, and as fixed text of a query: never built from input.
constexpr std::array<std::pair<std::string_view, const char*>, 7> kAssetSorts = {{
    {"_created", "created"},
    {"name", "name"},
    {"version", "version"},
    {"id", "id"},
    {"node_version", "json_extract(doc, '$.node_version')"},
    {"platform", "json_extract(doc, '$.platform')"},
    {"arch", "json_extract(doc, '$.arch')"},
}};

Result<std::string> asset_order(const std::string& sort) {
  const auto colon = sort.find(':');
  const std::string field = sort.substr(0, colon);
  const std::string direction = colon == std::string::npos ? "asc" : sort.substr(colon + 1);
  if (direction != "asc" && direction != "desc") {
    return Error{ErrorCode::invalid, fmt::format("sort order must be asc or desc, got \"{}\"", direction)};
  }
  const auto found = std::ranges::find(kAssetSorts, field, &std::pair<std::string_view, const char*>::first);
  if (found == kAssetSorts.end()) {
    return Error{ErrorCode::invalid, fmt::format("cannot sort by \"{}\", it is not an indexed field", field)};
  }
  return fmt::format("{0} {1}, id {1}", found->second, direction);
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
  ASSIGN_OR_RETURN(const std::string order, asset_order(wanted.sort));
  ASSIGN_OR_RETURN(Statement query,
                   database.statement(fmt::format(
                       "{} WHERE (?1 = '' OR name = ?1) AND (?2 = '' OR version = ?2) ORDER BY {} LIMIT ?3 OFFSET ?4",
                       kAssetColumns, order)));
  query.bind(1, wanted.name.value_or(""));
  query.bind(2, wanted.version.value_or(""));
  query.bind(3, wanted.size);
  query.bind(4, wanted.from);
  return read_rows(query);
}

}  // namespace slicemill::master
