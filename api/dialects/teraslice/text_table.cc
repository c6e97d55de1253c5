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

constexpr std::string_view kSeparator = "  ";
constexpr std::string_view kMissing = "N/A";
constexpr std::string_view kEllipsis = "\u2026";
constexpr std::size_t kMostColumns = 100;     // of a table
constexpr std::size_t kMostBytes = 32 << 20;  // of a table

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

TextTable::TextTable(const std::vector<std::string>& columns, bool with_header, CellText cell)
    : columns_(columns), with_header_(with_header), cell_(std::move(cell)), widths_(columns_.size()) {
  for (const std::string& column : columns_) header_.push_back(fitted(column, kCellColumns, kEllipsis));
  if (with_header_) widen(header_);
}

void TextTable::widen(const Line& line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    const std::size_t width = display_width(line[i]);
    widths_[i] = std::max(widths_[i], width);
    beyond_width_ += line[i].size() - std::min(width, line[i].size());
  }
}

Result<void> TextTable::add(const Json& record) {
  Line& row = rows_.emplace_back();
  for (const std::string& column : columns_) row.push_back(fitted(cell_(record, column), kCellColumns, kEllipsis));
  widen(row);
  std::size_t width = kSeparator.size() * columns_.size();
  for (const std::size_t of_column : widths_) width += of_column;
  if (width * rows_.size() + beyond_width_ <= kMostBytes) return {};
  return Error(ErrorCode::invalid, fmt::format("the table is larger than {} MB; ask for fewer rows with size and from, "
                                               "or for fewer columns with fields",
                                               kMostBytes >> 20));
}

std::string TextTable::print() {
  if (rows_.empty()) rows_.emplace_back(columns_.size());
  std::string out;
  const auto print_line = [&](const Line& line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (i > 0) out += kSeparator;
      out += line[i];
      out.append(widths_[i] - display_width(line[i]), ' ');
    }
    out += '\n';
  };
  if (with_header_) {
    print_line(header_);
    Line dashes;
    for (const std::size_t width : widths_) dashes.emplace_back(width, '-');
    print_line(dashes);
  }
  for (const Line& row : rows_) print_line(row);
  return out;
}

Result<std::string> text_table(std::span<const Json> records, const std::vector<std::string>& columns, bool with_header,
                               const CellText& cell) {
  TextTable table(columns, with_header, cell);
  for (const Json& record : records) RETURN_IF_ERROR(table.add(record));
  return table.print();
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

Result<void> check_columns(const std::vector<std::string>& columns) {
  if (columns.size() <= kMostColumns) return {};
  return Error(ErrorCode::invalid, fmt::format("fields: a table has at most {} columns", kMostColumns));
}

Response table_response(const Request& request, std::span<const Json> records,
                        std::span<const std::string_view> defaults, const CellText& cell) {
  const auto columns = table_columns(request, defaults);
  if (const auto checked = check_columns(columns); !checked) return error_response(400, checked.error().message);
  auto text = text_table(records, columns, request.query_value("headers") != "false", cell);
  if (!text) return error_response(400, text.error().message);
  return {200, kTableType, std::move(*text), {}};
}

}  // namespace slicemill::api::teraslice
