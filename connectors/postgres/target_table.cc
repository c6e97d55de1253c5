#include "connectors/postgres/target_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/runtime/text.h"

namespace slicemill::postgres {
namespace {

Error wrong_option(std::string text) {
  return {ErrorCode::invalid, std::move(text), false};
}

constexpr Oid kBytea = 17, kJson = 114, kJsonb = 3802, kDate = 1082, kTimestamp = 1114, kTimestamptz = 1184;

Encoding encoding_of(Oid type, std::string_view category, std::string_view kind) {
  if (type == kBytea) return Encoding::bytes;
  if (type == kJson || type == kJsonb) return Encoding::json;
  if (type == kDate || type == kTimestamp || type == kTimestamptz) return Encoding::moment;
  if (kind == "c" || kind == "d") return Encoding::opaque;  // composite types, and domains below an array
  return category == "S" ? Encoding::text : Encoding::plain;
}

std::string number_text(const std::optional<std::string>& text) {
  return text.value_or("0");
}

Oid oid_of(const std::optional<std::string>& text) {
  const auto number = parse_integer(number_text(text));
  return number ? static_cast<Oid>(*number) : 0;
}

// Whether the key is unique, so that a conflict can be found by it.
Result<bool> is_unique(Session& session, const TargetTable& table, const std::vector<std::string>& key) {
  ASSIGN_OR_RETURN(const Rows rows,
                   session.query("SELECT i.indexrelid, a.attname FROM pg_index i "
                                 "CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n) "
                                 "LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
                                 "WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indpred IS NULL AND "
                                 "i.indexprs IS NULL AND k.n <= i.indnkeyatts ORDER BY 1",
                                 {table.name.quoted()}));
  std::map<std::string, std::set<std::string>> indexes;
  for (const auto& row : rows.rows) indexes[row[0].value_or("")].insert(row[1].value_or(""));
  const std::set<std::string> wanted(key.begin(), key.end());
  return std::ranges::any_of(indexes, [&](const auto& index) { return index.second == wanted; });
}

}  // namespace

Result<TargetOptions> TargetOptions::from(const Json& given) {
  TargetOptions options;
  ASSIGN_OR_RETURN(options.table, TableName::parse(given.value("table", std::string())));
  options.upserts = given.value("mode", std::string("insert")) == "upsert";
  options.creates_table = given.value("create_table", false);
  options.ignores_unknown = given.value("unknown_fields", std::string("fail")) == "ignore";
  options.waits = given.value("on_unavailable", std::string()) == "wait";
  if (const auto key = given.find("key"); key != given.end() && key->is_array())
    options.key = key->get<std::vector<std::string>>();
  std::set<std::string> seen;
  for (const std::string& name : options.key)
    if (name.empty() || !seen.insert(name).second)
      return wrong_option(fmt::format("key: \"{}\" is named twice, or empty", name));
  if (options.upserts && options.key.empty())
    return wrong_option("key: mode upsert needs the columns that rows are known by");
  if (!options.upserts && !options.key.empty() && !options.creates_table)
    return wrong_option("key: it is for mode upsert, or for a table that is made");
  if (const auto columns = given.find("columns"); columns != given.end() && columns->is_object()) {
    if (!options.creates_table)
      return wrong_option("columns: they are those of a table that is made; set create_table");
    for (const auto& [name, type] : columns->items()) {
      if (name.empty() || !type.is_string() || type.get_ref<const std::string&>().empty())
        return wrong_option(fmt::format("columns: \"{}\" needs the name of a type", name));
      options.columns.emplace_back(name, type.get<std::string>());
    }
    for (const std::string& name : options.key)
      if (!columns->contains(name)) return wrong_option(fmt::format("key: \"{}\" is not among the columns", name));
  }
  return options;
}

Result<std::string> schema_of(Session& session, const TableName& table) {
  if (!table.schema.empty()) return table.schema;
  ASSIGN_OR_RETURN(const Rows rows,
                   session.query("SELECT coalesce((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = "
                                 "c.relnamespace WHERE c.oid = to_regclass($1)), current_schema())",
                                 {table.quoted()}));
  if (rows.rows.empty() || !rows.rows.front().front())
    return wrong_option("table: the search path of the user has no schema; write SCHEMA.TABLE");
  return *rows.rows.front().front();
}

Result<std::optional<TargetTable>> describe_target(Session& session, const TargetOptions& options) {
  TargetTable target;
  target.name.table = options.table.table;
  ASSIGN_OR_RETURN(target.name.schema, schema_of(session, options.table));
  ASSIGN_OR_RETURN(const Rows found, session.query("SELECT to_regclass($1)", {target.name.quoted()}));
  if (!found.rows.front().front()) return std::optional<TargetTable>();
  // Domains are what lies below them. Members of pg_attribute that older servers lack are asked for as JSON.
  ASSIGN_OR_RETURN(
      const Rows rows,
      session.query(
          "WITH RECURSIVE base(attnum, oid) AS (SELECT attnum, atttypid FROM pg_attribute WHERE attrelid = "
          "$1::regclass AND attnum > 0 AND NOT attisdropped UNION ALL SELECT b.attnum, t.typbasetype FROM base "
          "b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype = 'd') "
          "SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.oid, t.typcategory, t.typtype, "
          "e.oid, e.typcategory, e.typtype, a.atthasdef OR a.attidentity <> '', "
          "coalesce(to_jsonb(a)->>'attgenerated', '') <> '', a.attidentity = 'a' "
          "FROM pg_attribute a JOIN base b ON b.attnum = a.attnum JOIN pg_type t ON t.oid = b.oid AND "
          "t.typtype <> 'd' LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' "
          "WHERE a.attrelid = $1::regclass ORDER BY a.attnum",
          {target.name.quoted()}));
  const auto is_set = [](const std::optional<std::string>& text) { return text == "t"; };
  for (const auto& row : rows.rows) {
    TargetColumn column{.name = row[0].value_or(""), .type = row[1].value_or("")};
    if (row[5]) {
      column.encoding = Encoding::array;
      column.element = encoding_of(oid_of(row[5]), row[6].value_or(""), row[7].value_or(""));
    } else {
      column.encoding = encoding_of(oid_of(row[2]), row[3].value_or(""), row[4].value_or(""));
    }
    column.has_default = is_set(row[8]);
    column.is_generated = is_set(row[9]);
    column.is_always_identity = is_set(row[10]);
    target.columns.push_back(std::move(column));
  }
  return std::optional(std::move(target));
}

Error no_such_table(const TargetOptions& options) {
  return wrong_option(
      fmt::format("table: there is no table {}; `create_table: true` makes it", options.table.quoted()));
}

Result<void> check_target(Session& session, const TargetOptions& options, const TargetTable& table) {
  const auto has = [&](const std::string& name) {
    return std::ranges::find(table.columns, name, &TargetColumn::name) != table.columns.end();
  };
  const auto names = [&] {
    std::vector<std::string> all;
    for (const TargetColumn& column : table.columns) all.push_back(column.name);
    return join(all, ", ");
  };
  for (const auto& [name, type] : options.columns)
    if (!has(name))
      return wrong_option(fmt::format("columns: {} exists, and has no column \"{}\"; there are: {}",
                                      table.name.quoted(), name, names()));
  for (const std::string& name : options.key)
    if (!has(name))
      return wrong_option(
          fmt::format("key: there is no column \"{}\" in {}; there are: {}", name, table.name.quoted(), names()));
  ASSIGN_OR_RETURN(const Rows allowed,
                   session.query("SELECT has_table_privilege($1, 'INSERT')", {table.name.quoted()}));
  if (allowed.rows.front().front() != "t")
    return wrong_option(fmt::format("table: the user may not insert into {}", table.name.quoted()));
  if (!options.upserts) return {};
  ASSIGN_OR_RETURN(const bool unique, is_unique(session, table, options.key));
  if (!unique)
    return wrong_option(
        fmt::format("key: {} has no unique constraint on ({})", table.name.quoted(), join(options.key, ", ")));
  return {};
}

std::int64_t lock_number(std::string_view of) {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a: the same in every process
  for (const char c : of) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return static_cast<std::int64_t>(hash);
}

Result<void> create_target(Session& session, const TargetOptions& options,
                           const std::vector<std::pair<std::string, std::string>>& columns) {
  ASSIGN_OR_RETURN(const std::string schema, schema_of(session, options.table));
  const std::string name = TableName{schema, options.table.table}.quoted();
  std::vector<std::string> parts;
  parts.reserve(columns.size() + 1);
  for (const auto& [column, type] : columns) parts.push_back(fmt::format("{} {}", quoted_name(column), type));
  if (!options.key.empty()) {
    std::vector<std::string> key;
    for (const std::string& column : options.key) key.push_back(quoted_name(column));
    parts.push_back(fmt::format("PRIMARY KEY ({})", join(key, ", ")));
  }
  // IF NOT EXISTS alone fails for one of two that make it at the same time.
  auto made =
      session.execute(fmt::format("BEGIN; SELECT pg_advisory_xact_lock({}); CREATE TABLE IF NOT EXISTS {} ({}); COMMIT",
                                  lock_number("slicemill table " + name), name, join(parts, ", ")));
  if (made) return {};
  (void)session.reset();
  return with_context(made.error(), fmt::format("create_table: cannot make {}", name));
}

void ColumnTypes::see(std::string_view name, std::string_view value) {
  if (next_ >= columns_.size() || columns_[next_].name != name) {
    const auto found = std::ranges::find(columns_, name, &Column::name);
    next_ = static_cast<std::size_t>(found - columns_.begin());
    if (found == columns_.end()) columns_.push_back({std::string(name), none});
  }
  std::uint8_t& kinds = columns_[next_++].kinds;
  constexpr std::size_t kDigitsOfBigint = 18;
  switch (value.front()) {
    case 'n':
      return;
    case 't':
    case 'f':
      kinds |= boolean;
      return;
    case '"':
      kinds |= text;
      return;
    case '{':
    case '[':
      kinds |= container;
      return;
    default:
      kinds |=
          value.size() <= kDigitsOfBigint && value.find_first_of(".eE") == std::string_view::npos ? integer : number;
  }
}

// Numbers with a fraction become numeric, which keeps every digit. Mixed values are JSON, which keeps what they are.
std::vector<std::pair<std::string, std::string>> ColumnTypes::columns() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Column& column : columns_) {
    const bool is_number = column.kinds != none && (column.kinds & ~(integer | number)) == 0;
    const char* type = "jsonb";
    if (column.kinds == none || column.kinds == text) type = "text";
    if (column.kinds == boolean) type = "boolean";
    if (is_number) type = column.kinds == integer ? "bigint" : "numeric";
    all.emplace_back(column.name, type);
  }
  return all;
}

}  // namespace slicemill::postgres
