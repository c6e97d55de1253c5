#include "connectors/postgres/table_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "connectors/postgres/table_name.h"
#include "core/runtime/text.h"

namespace slicemill::postgres {
namespace {

Error wrong(std::string text) {
  return {ErrorCode::invalid, std::move(text), false};
}

std::string table_name(const SourceOptions& options) {
  return TableName::parse(options.table)->quoted();
}

std::vector<std::string> texts_of(const Json& options, const char* name) {
  const auto found = options.find(name);
  if (found == options.end() || !found->is_array()) return {};
  return found->get<std::vector<std::string>>();
}

Result<void> all_different(const std::vector<std::string>& names, const char* option) {
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (name.empty() || !seen.insert(name).second)
      return wrong(fmt::format("{}: \"{}\" is named twice, or empty", option, name));
  return {};
}

Json values_json(const KeyValue& value) {
  return Json(value);
}

std::string names_of(const std::vector<ColumnFacts>& columns) {
  constexpr std::size_t kMost = 30;
  std::vector<std::string> names;
  for (const ColumnFacts& column : columns) {
    if (names.size() == kMost) {
      names.emplace_back("...");
      break;
    }
    names.push_back(column.name);
  }
  return join(names, ", ");
}

Result<std::vector<ColumnFacts>> all_columns(Session& session, const SourceOptions& options) {
  auto described = session.query(fmt::format("SELECT * FROM {} LIMIT 0", options.from_clause()));
  if (!described) return with_context(described.error(), options.table.empty() ? "query" : "table");
  return std::move(described->columns);
}

const ColumnFacts* find_column(const std::vector<ColumnFacts>& columns, const std::string& name) {
  const auto found = std::ranges::find(columns, name, &ColumnFacts::name);
  return found == columns.end() ? nullptr : &*found;
}

Error no_column(const char* option, const std::string& name, const SourceOptions& options,
                const std::vector<ColumnFacts>& columns) {
  return wrong(fmt::format("{}: there is no column \"{}\" in {}; there are: {}", option, name,
                           options.table.empty() ? "the query" : options.table, names_of(columns)));
}

}  // namespace

Result<SourceOptions> SourceOptions::from(const Json& given) {
  SourceOptions options;
  options.table = given.value("table", std::string());
  options.query = given.value("query", std::string());
  options.where = given.value("where", std::string());
  options.fields = texts_of(given, "fields");
  options.key = texts_of(given, "key");
  options.size = given.value("size", std::int64_t{0});
  options.snapshot = given.value("snapshot", false);
  options.waits = given.value("on_unavailable", std::string()) == "wait";
  if (options.table.empty() == options.query.empty()) return wrong("table: give a table or a query, and not both");
  if (!options.table.empty()) RETURN_IF_ERROR(TableName::parse(options.table));
  while (!options.query.empty() && (options.query.back() == ';' || options.query.back() == ' ' ||
                                    options.query.back() == '\n' || options.query.back() == '\t'))
    options.query.pop_back();
  RETURN_IF_ERROR(all_different(options.fields, "fields"));
  RETURN_IF_ERROR(all_different(options.key, "key"));
  return options;
}

// A comment at the end of the query must not swallow what follows.
std::string SourceOptions::from_clause() const {
  return query.empty() ? table_name(*this) : fmt::format("({}\n) AS slicemill_query", query);
}

std::string KeyRange::to_text() const {
  Json request = {{"key", key.columns}, {"types", key.types}};
  if (from) request["from"] = values_json(*from);
  if (to) request["to"] = values_json(*to);
  if (is_last) request["last"] = true;
  if (is_nulls) request["nulls"] = true;
  if (!snapshot.empty()) request["snapshot"] = snapshot;
  return to_compact_text(request);
}

Result<KeyRange> KeyRange::from_text(std::string_view text) {
  const auto json = parse_json(text);
  const Error broken(ErrorCode::invalid, fmt::format("slice request of postgres_reader is broken: {}", text), false);
  if (!json || !json->is_object()) return broken;
  KeyRange range;
  try {
    range.key.columns = json->at("key").get<std::vector<std::string>>();
    range.key.types = json->at("types").get<std::vector<std::string>>();
    if (json->contains("from")) range.from = json->at("from").get<KeyValue>();
    if (json->contains("to")) range.to = json->at("to").get<KeyValue>();
    range.is_last = json->value("last", false);
    range.is_nulls = json->value("nulls", false);
    range.snapshot = json->value("snapshot", std::string());
  } catch (const Json::exception&) {
    return broken;
  }
  const std::size_t width = range.key.columns.size();
  if (range.key.types.size() != width || (range.from && range.from->size() != width) ||
      (range.to && range.to->size() != width))
    return broken;
  return range;
}

std::string key_list(const Key& key) {
  std::vector<std::string> names;
  for (const std::string& column : key.columns) names.push_back(quoted_name(column));
  return join(names, ", ");
}

std::string order_by(const Key& key, bool descending) {
  std::vector<std::string> names;
  for (const std::string& column : key.columns) names.push_back(quoted_name(column) + (descending ? " DESC" : ""));
  return join(names, ", ");
}

std::string comparison(const Key& key, std::string_view relation, const KeyValue& value) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < value.size(); ++i)
    values.push_back(fmt::format("{}::{}", quoted_literal(value[i]), key.types[i]));
  if (value.size() == 1) return fmt::format("{} {} {}", quoted_name(key.columns[0]), relation, values[0]);
  return fmt::format("({}) {} ({})", key_list(key), relation, join(values, ", "));
}

std::string key_is_there(const Key& key) {
  std::vector<std::string> parts;
  for (const std::string& column : key.columns) parts.push_back(quoted_name(column) + " IS NOT NULL");
  return join(parts, " AND ");
}

std::string KeyRange::condition(const SourceOptions& options) const {
  std::vector<std::string> parts;
  if (!options.where.empty()) parts.push_back(fmt::format("({}\n)", options.where));
  if (is_nulls) {
    parts.push_back(fmt::format("NOT ({})", key_is_there(key)));
  } else if (!key.columns.empty()) {
    parts.push_back(key_is_there(key));
    if (from) parts.push_back(comparison(key, ">=", *from));
    if (to) parts.push_back(comparison(key, is_last ? "<=" : "<", *to));
  }
  return parts.empty() ? "true" : join(parts, " AND ");
}

Result<std::vector<ColumnFacts>> describe_columns(Session& session, const SourceOptions& options) {
  ASSIGN_OR_RETURN(std::vector<ColumnFacts> all, all_columns(session, options));
  std::vector<ColumnFacts> columns;
  if (options.fields.empty()) {
    columns = std::move(all);
  } else {
    for (const std::string& field : options.fields) {
      const ColumnFacts* column = find_column(all, field);
      if (column == nullptr) return no_column("fields", field, options, all);
      columns.push_back(*column);
    }
  }
  std::set<std::string> names;
  for (const ColumnFacts& column : columns)
    if (!names.insert(column.name).second)
      return wrong(
          fmt::format("query: two columns are called \"{}\"; give one of them another name with AS", column.name));
  if (columns.empty())
    return wrong(fmt::format("{} has no columns", options.table.empty() ? "the query" : "table " + options.table));
  return columns;
}

Result<Key> find_key(Session& session, const SourceOptions& options) {
  Key key{options.key, {}};
  if (key.columns.empty() && !options.table.empty()) {
    auto found = session.query(
        "SELECT a.attname FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n) "
        "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
        "WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY k.n",
        {table_name(options)});
    if (!found) return with_context(found.error(), "table");
    for (auto& row : found->rows) key.columns.push_back(std::move(*row.front()));
  }
  if (key.columns.empty()) return key;
  ASSIGN_OR_RETURN(const std::vector<ColumnFacts> all, all_columns(session, options));
  for (const std::string& name : key.columns) {
    const ColumnFacts* column = find_column(all, name);
    if (column == nullptr) return no_column("key", name, options, all);
    // Without a length: text that is cast to a shorter one would be cut.
    ASSIGN_OR_RETURN(const Rows type, session.query("SELECT format_type($1::oid, -1)", {std::to_string(column->type)}));
    key.types.push_back(type.rows.front().front().value_or("text"));
  }
  return key;
}

Result<void> begin_reading(Session& session, const std::string& snapshot) {
  RETURN_IF_ERROR(session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  if (snapshot.empty()) return {};
  auto taken = session.execute(fmt::format("SET TRANSACTION SNAPSHOT {}", quoted_literal(snapshot)));
  if (taken || taken.error().code != ErrorCode::invalid) return taken;
  return wrong(
      fmt::format("the snapshot that this execution reads is gone, since its controller or the server was "
                  "started anew; run the job anew, or without `snapshot` ({})",
                  taken.error().message));
}

}  // namespace slicemill::postgres
