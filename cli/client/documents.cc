#include "cli/client/documents.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "core/query/date_period.h"
#include "core/runtime/files.h"
#include "core/runtime/text.h"
#include "core/runtime/tree_size.h"

namespace slicemill::cli {
namespace {

constexpr int kJsonIndent = 2;
constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

// 8-4-4-4-12 hexadecimal digits: no number or date is written so.
bool is_uuid(const std::string& text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != kShape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (kShape[i] == '-' ? c != '-' : !is_digit) return false;
  }
  return true;
}

bool is_plain_scalar(const std::string& text) {
  if (text.empty()) return false;
  if (is_uuid(text)) return true;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (!is_letter(text.front()) && text.front() != '/') return false;
  for (const char c : text) {
    if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '/') return false;
  }
  constexpr std::array<std::string_view, 9> kWords = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  for (const std::string_view word : kWords) {
    if (text.size() != word.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < word.size(); ++i) same = same && (text[i] | 0x20) == word[i];
    if (same) return false;
  }
  return true;
}

std::string yaml_scalar(const Json& value) {
  if (value.is_string() && is_plain_scalar(value.get_ref<const std::string&>())) return value.get<std::string>();
  return to_compact_text(value);  // what is JSON is YAML
}

// The lines of a value that stands below a key or behind a dash.
void add_yaml(std::string& out, const Json& value, std::size_t depth, bool in_list) {
  const std::string indent(depth * 2, ' ');
  if (!value.is_structured() || value.empty()) {
    out += " " + yaml_scalar(value) + "\n";
    return;
  }
  bool first = in_list;  // the first member stands behind the dash
  if (!in_list) out += "\n";
  if (value.is_array()) {
    for (const Json& item : value) {
      out += first ? " -" : indent + "-";
      add_yaml(out, item, depth + 1, true);
      first = false;
    }
    return;
  }
  for (const auto& [key, member] : value.items()) {
    out += (first ? " " : indent) + yaml_scalar(Json(key)) + ":";
    add_yaml(out, member, depth + 1, false);
    first = false;
  }
}

}  // namespace

std::string text_of(const Json& object, std::string_view member) {
  if (!object.is_object()) return {};
  const auto found = object.find(std::string(member));
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool has_number(const Json& object, std::string_view member) {
  if (!object.is_object()) return false;
  const auto found = object.find(std::string(member));
  return found != object.end() && found->is_number();
}

std::int64_t number_of(const Json& object, std::string_view member) {
  return has_number(object, member) ? object.find(std::string(member))->get<std::int64_t>() : 0;
}

const Json& object_of(const Json& object, std::string_view member) {
  static const Json kNone = Json::object();
  if (!object.is_object()) return kNone;
  const auto found = object.find(std::string(member));
  return found != object.end() && found->is_object() ? *found : kNone;
}

WallMs wall_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::optional<WallMs> time_of(const Json& object, std::string_view member) {
  const std::string text = text_of(object, member);
  if (text.empty()) return std::nullopt;
  const auto period = query::parse_date_period(text, 0);
  if (!period) return std::nullopt;
  return period->first;
}

std::string duration_text(std::int64_t ms) {
  if (ms < kSecond) return fmt::format("{} ms", std::max<std::int64_t>(ms, 0));
  if (ms < kMinute) return fmt::format("{} s", ms / kSecond);
  const auto two = [](std::int64_t most, const char* unit, std::int64_t least, const char* small) {
    return least == 0 ? fmt::format("{} {}", most, unit) : fmt::format("{} {} {} {}", most, unit, least, small);
  };
  if (ms < kHour) return two(ms / kMinute, "min", ms % kMinute / kSecond, "s");
  if (ms < kDay) return two(ms / kHour, "h", ms % kHour / kMinute, "min");
  return two(ms / kDay, "d", ms % kDay / kHour, "h");
}

std::string age_text(std::optional<WallMs> time, WallMs now) {
  if (!time) return "-";
  const std::int64_t ms = std::max<std::int64_t>(now - *time, 0);
  if (ms < kMinute) return fmt::format("{}s", ms / kSecond);
  if (ms < kHour) return fmt::format("{}m", ms / kMinute);
  if (ms < 2 * kDay) return fmt::format("{}h", ms / kHour);
  return fmt::format("{}d", ms / kDay);
}

std::string bytes_text(double bytes) {
  constexpr double kStep = 1000;
  for (const char* unit : {"B", "KB", "MB", "GB"}) {
    if (bytes < kStep) return fmt::format("{:.{}f} {}", bytes, bytes < 10 && *unit != 'B' ? 1 : 0, unit);
    bytes /= kStep;
  }
  return fmt::format("{:.1f} TB", bytes);
}

std::optional<std::uint64_t> disk_bytes(const Json& execution) {
  const std::string ledger = text_of(execution, "ledger_directory");
  const std::string log = text_of(execution, "log_path");
  if (ledger.empty() || !posix_files().stat(ledger)) return std::nullopt;
  return size_of_tree(ledger) + (log.empty() ? 0 : size_of_tree(log.substr(0, log.rfind('/'))));
}

std::string disk_text(const Json& execution) {
  const auto bytes = disk_bytes(execution);
  return bytes ? bytes_text(static_cast<double>(*bytes)) : std::string();
}

Result<std::int64_t> parse_period_ms(std::string_view text) {
  if (text.ends_with('d') || text.ends_with('w')) {
    const auto number = parse_integer(text.substr(0, text.size() - 1));
    const std::int64_t unit = text.ends_with('w') ? 7 * kDay : kDay;
    if (number && *number >= 0 && *number < 100'000) return *number * unit;
  }
  const auto period = parse_duration_ms(text);
  if (period && *period >= 0 && *period < 100'000 * kDay) return period;
  return Error(ErrorCode::invalid, fmt::format("'{}' is not a time; write for example 90s, 15m, 2h or 30d", text));
}

std::string to_yaml(const Json& value) {
  std::string out;
  if (!value.is_structured() || value.empty()) return yaml_scalar(value) + "\n";
  add_yaml(out, value, 0, false);
  return out.substr(1);  // the line end that would follow a key
}

Table table_of(const std::vector<Json>& documents, const std::vector<DocumentColumn>& columns, bool wide) {
  Table table;
  for (const DocumentColumn& column : columns) {
    if (wide || !column.wide_only) table.columns.push_back({column.title, column.kind});
  }
  for (const Json& document : documents) {
    std::vector<std::string> row;
    for (const DocumentColumn& column : columns) {
      if (!wide && column.wide_only) continue;
      std::string cell = column.cell(document);
      row.push_back(cell.empty() ? "-" : std::move(cell));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

bool is_data_format(OutputFormat format) {
  return format == OutputFormat::json || format == OutputFormat::yaml;
}

void print_document(OutputFormat format, const Json& document) {
  fmt::print("{}", format == OutputFormat::yaml ? to_yaml(document) : to_pretty_text(document, kJsonIndent) + "\n");
}

void print_documents(const CommandLine& line, const std::vector<Json>& documents,
                     const std::vector<DocumentColumn>& columns) {
  const OutputFormat format = line.client.output;
  if (is_data_format(format)) {
    Json list = Json::array();
    for (const Json& document : documents) list.push_back(document);
    return print_document(format, list);
  }
  const bool wide = format == OutputFormat::wide;
  Screen screen = screen_of_output();
  screen.drops = !wide;
  fmt::print("{}", render(table_of(documents, columns, wide), screen));
}

}  // namespace slicemill::cli
