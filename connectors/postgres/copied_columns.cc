#include "connectors/postgres/copied_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "core/runtime/text.h"

namespace slicemill::postgres {
namespace {

// Oids of built-in types, which never change.
struct BuiltIn {
  Oid type;
  Oid array;
  std::string_view name;
  Decoding decoding;
};
constexpr std::array kBuiltIn = {
    BuiltIn{16, 1000, "bool", Decoding::boolean},
    BuiltIn{17, 1001, "bytea", Decoding::bytea},
    BuiltIn{18, 1002, "\"char\"", Decoding::text},
    BuiltIn{19, 1003, "name", Decoding::text},
    BuiltIn{20, 1016, "int8", Decoding::int8},
    BuiltIn{21, 1005, "int2", Decoding::int2},
    BuiltIn{23, 1007, "int4", Decoding::int4},
    BuiltIn{25, 1009, "text", Decoding::text},
    BuiltIn{26, 1028, "oid", Decoding::oid},
    BuiltIn{114, 199, "json", Decoding::json},
    BuiltIn{700, 1021, "float4", Decoding::float4},
    BuiltIn{701, 1022, "float8", Decoding::float8},
    BuiltIn{1042, 1014, "bpchar", Decoding::text},
    BuiltIn{1043, 1015, "varchar", Decoding::text},
    BuiltIn{1082, 1182, "date", Decoding::date},
    BuiltIn{1083, 1183, "time", Decoding::time},
    BuiltIn{1114, 1115, "timestamp", Decoding::timestamp},
    BuiltIn{1184, 1185, "timestamptz", Decoding::timestamptz},
    BuiltIn{1266, 1270, "timetz", Decoding::timetz},
    BuiltIn{1700, 1231, "numeric", Decoding::numeric},
    BuiltIn{2950, 2951, "uuid", Decoding::uuid},
    BuiltIn{3802, 3807, "jsonb", Decoding::jsonb},
};

const BuiltIn* built_in(Oid type) {
  const auto found = std::ranges::find(kBuiltIn, type, &BuiltIn::type);
  return found == kBuiltIn.end() ? nullptr : &*found;
}

const BuiltIn* built_in_array(Oid type) {
  const auto found = std::ranges::find(kBuiltIn, type, &BuiltIn::array);
  return found == kBuiltIn.end() ? nullptr : &*found;
}

struct ServerType {
  bool is_composite = false;
  bool is_array = false;
  bool has_composites = false;  // an array of them
};

Result<std::map<Oid, ServerType>> ask_types(Session& session, const std::vector<Oid>& types) {
  std::map<Oid, ServerType> found;
  if (types.empty()) return found;
  std::vector<std::string> list;
  for (const Oid type : types) list.push_back(std::to_string(type));
  ASSIGN_OR_RETURN(const Rows rows,
                   session.query("SELECT t.oid, t.typtype, t.typcategory, e.typtype FROM pg_type t "
                                 "LEFT JOIN pg_type e ON e.oid = t.typelem WHERE t.oid = ANY($1::oid[])",
                                 {"{" + join(list, ",") + "}"}));
  for (const auto& row : rows.rows) {
    const auto oid = parse_integer(row[0].value_or(""));
    if (!oid) continue;
    found[static_cast<Oid>(*oid)] = {row[1] == "c", row[2] == "A", row[2] == "A" && row[3] == "c"};
  }
  return found;
}

CopiedColumn plan_column(const ColumnFacts& column, const std::map<Oid, ServerType>& types) {
  const std::string name = quoted_name(column.name);
  // Casts that change nothing, unless the column gets another type meanwhile: its bytes would be taken for others.
  if (const BuiltIn* type = built_in(column.type))
    return {column.name, fmt::format("{}::pg_catalog.{}", name, type->name), type->decoding, Decoding::text};
  if (const BuiltIn* type = built_in_array(column.type))
    return {column.name, fmt::format("{}::pg_catalog.{}[]", name, type->name), Decoding::array, type->decoding};
  const auto found = types.find(column.type);
  const ServerType type = found == types.end() ? ServerType() : found->second;
  if (type.is_composite || type.has_composites || column.type == 2249 || column.type == 2287)
    return {column.name, fmt::format("to_json({})", name), Decoding::json, Decoding::text};
  if (type.is_array) return {column.name, name + "::text[]", Decoding::array, Decoding::text};
  return {column.name, name + "::text", Decoding::text, Decoding::text};
}

}  // namespace

Result<std::vector<CopiedColumn>> plan_columns(Session& session, const std::vector<ColumnFacts>& columns) {
  std::vector<Oid> unknown;
  for (const ColumnFacts& column : columns)
    if (built_in(column.type) == nullptr && built_in_array(column.type) == nullptr) unknown.push_back(column.type);
  ASSIGN_OR_RETURN(const auto types, ask_types(session, unknown));
  std::vector<CopiedColumn> planned;
  for (const ColumnFacts& column : columns) planned.push_back(plan_column(column, types));
  return planned;
}

std::string select_list(const std::vector<CopiedColumn>& columns) {
  std::vector<std::string> expressions;
  for (const CopiedColumn& column : columns) expressions.push_back(column.expression);
  return join(expressions, ", ");
}

}  // namespace slicemill::postgres
