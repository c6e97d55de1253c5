#include "api/dialects/teraslice/text_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "api/dialects/teraslice/display_text.h"
#include "api/dialects/teraslice/teraslice_json.h"
#include "core/runtime/text.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::string_view kTableType = "text/html; charset=utf-8";
constexpr std::string_view kSeparator = "  ";
constexpr std::string_view kMissing = "N/A";
constexpr std::string_view kEllipsis = "\u2026";
constexpr std::size_t kMostColumns = 100;  // of a table

std::string number_text(const Json& value) {
  if (!value.is_number_float()) return to_compact_text(value);
  const double number = value.get<double>();
  if (number == std::trunc(number) && std::abs(number) < 1e21) return fmt::format("{:.0f}", number);
  return fmt::format("{}", number);
}

// String(value) of JavaScript.
std::string script_text(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::object:
      return "[object Object]";
    case Json::value_t::array: {
      std::vector<std::string> parts;
      for (const Json& item : value) parts.push_back(item.is_null() ? "" : script_text(item));
      return join(parts, ",");
    }
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return number_text(value);
    default:
      return to_compact_text(value);
  }
}

// "a[0].b" -> a, 0, b
std::vector<std::string> path_steps(std::string_view path) {
  std::vector<std::string> steps;
  std::string step;
  for (char c : path) {
    if (c != '.' && c != '[' && c != ']') {
      step += c;
    } else if (!step.empty()) {
      steps.push_back(std::exchange(step, {}));
    }
  }
  if (!step.empty()) steps.push_back(std::move(step));
  return steps;
}

using Line = std::vector<std::string>;

std::string print(const std::vector<Line>& rows, std::span<const std::size_t> widths) {
  std::string out;
  for (const Line& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += kSeparator;
      out += row[i];
      out.append(widths[i] - display_width(row[i]), ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace

std::string cell_text(const Json& record, std::string_view path) {
  if (!record.is_object()) return std::string(kMissing);
  if (auto member = record.find(path); member != record.end()) return script_text(*member);
  const Json* value = &record;
  for (const std::string& step : path_steps(path)) {
    if (value->is_object()) {
      auto member = value->find(step);
      if (member == value->end()) return std::string(kMissing);
      value = &*member;
      continue;
    }
    if (!value->is_array()) return std::string(kMissing);
    if (step == "length") return std::to_string(value->size());
    auto index = parse_integer(step);
    if (!index || *index < 0 || static_cast<std::size_t>(*index) >= value->size()) return std::string(kMissing);
    value = &(*value)[static_cast<std::size_t>(*index)];
  }
  return value == &record ? std::string(kMissing) : script_text(*value);
}

std::string text_table(std::span<const Json> records, std::span<const std::string> columns, bool with_header,
                       const CellText& cell) {
  std::vector<Line> rows;
  if (with_header) {
    Line& header = rows.emplace_back();
    for (const std::string& column : columns) header.push_back(fitted(column, kCellColumns, kEllipsis));
  }
  for (const Json& record : records) {
    Line& row = rows.emplace_back();
    for (const std::string& column : columns) row.push_back(fitted(cell(record, column), kCellColumns, kEllipsis));
  }
  if (records.empty()) rows.emplace_back(columns.size());
  std::vector<std::size_t> widths(columns.size());
  for (const Line& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  if (with_header) {
    Line dashes;
    for (std::size_t width : widths) dashes.emplace_back(width, '-');
    rows.insert(rows.begin() + 1, std::move(dashes));
  }
  return print(rows, widths);
}

std::vector<std::string> table_columns(const Request& request, std::span<const std::string_view> defaults) {
  std::vector<std::string> columns;
  auto add = [&](std::string column) {
    const bool is_new = !column.empty() && std::ranges::find(columns, column) == columns.end();
    if (is_new && columns.size() <= kMostColumns) columns.push_back(std::move(column));
  };
  for (const std::string& part : split(request.query_value("fields").value_or(""), ',')) {
    const auto first = part.find_first_not_of(' ');
    if (first != std::string::npos) add(part.substr(first, part.find_last_not_of(' ') + 1 - first));
  }
  if (columns.empty()) columns.assign(defaults.begin(), defaults.end());
  return columns;
}

Response table_response(const Request& request, std::span<const Json> records,
                        std::span<const std::string_view> defaults, const CellText& cell) {
  const auto columns = table_columns(request, defaults);
  if (columns.size() > kMostColumns)
    return error_response(400, fmt::format("fields: a table has at most {} columns", kMostColumns));
  return {200, kTableType, text_table(records, columns, request.query_value("headers") != "false", cell), {}};
}

}  // namespace slicemill::api::teraslice
