#include "connectors/postgres/copy_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/formats/json_scan.h"
#include "core/runtime/base64.h"
#include "core/runtime/text.h"

namespace slicemill::postgres {
namespace {

bool is_special(char c) {
  return c == '\\' || c == '\n' || c == '\r' || c == '\t';
}

void append_field(std::string& row, std::string_view text) {
  while (true) {
    const auto special = std::ranges::find_if(text, is_special);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    row.append(text.substr(0, plain));
    if (plain == text.size()) return;
    row += '\\';
    row += *special == '\n' ? 'n' : *special == '\r' ? 'r' : *special == '\t' ? 't' : '\\';
    text.remove_prefix(plain + 1);
  }
}

bool is_container(std::string_view json) {
  return json.front() == '{' || json.front() == '[';
}

// "-0043-03-15..." is the year 44 before Christ: PostgreSQL has no year 0, and writes no signs.
std::string moment_text(std::string_view text) {
  const bool is_signed = text.starts_with('+') || text.starts_with('-');
  const std::string_view digits = text.substr(is_signed ? 1 : 0);
  const std::size_t end = digits.find_first_not_of("0123456789");
  if (end == std::string_view::npos || end < 4 || digits[end] != '-') return std::string(text);
  const auto year = parse_integer(digits.substr(0, end));
  if (!year || (*year > 0 && !text.starts_with('-'))) return std::string(digits);
  return fmt::format("{:04}{} BC", *year + 1, digits.substr(end));
}

constexpr std::string_view kHex = "0123456789abcdef";

}  // namespace

Result<void> CopyEncoder::append(std::string& row, const TargetColumn& column, const JsonValue& value) {
  const std::string_view json = value.bytes();
  if (json == "null") {
    append_null(row);
    return {};
  }
  const bool is_plain_text = json.front() == '"' && column.encoding != Encoding::json &&
                             column.encoding != Encoding::bytes && column.encoding != Encoding::moment;
  if (is_plain_text && json.find('\\') == std::string_view::npos) {
    row.append(json.substr(1, json.size() - 2));  // what must be escaped here must be so in JSON
    return {};
  }
  array_.clear();
  const bool is_array = column.encoding == Encoding::array && json.front() == '[';
  const std::string_view problem = is_array ? write_array(column.element, value) : write(column.encoding, value);
  if (problem.empty()) {
    append_field(row, is_array ? array_ : text_);
    return {};
  }
  return Error(ErrorCode::invalid,
               fmt::format("column \"{}\" ({}): {}: {}", column.name, column.type, problem, text_head(json)), false);
}

std::string_view CopyEncoder::write(Encoding encoding, const JsonValue& value) {
  const std::string_view json = value.bytes();
  if (encoding == Encoding::json) {
    text_ = json;
    return {};
  }
  if (json.front() == '"') return write_text(encoding, json.substr(1, json.size() - 2));
  if (is_container(json) && encoding != Encoding::text) return "an object or array does not fit";
  if (encoding == Encoding::bytes) return "bytes are written as text in base64";
  if (encoding == Encoding::opaque) return "only text in the form of the database fits";
  text_ = json;
  return {};
}

std::string_view CopyEncoder::write_text(Encoding encoding, std::string_view inside) {
  text_.clear();
  if (append_unescaped(inside, text_)) return "half of a surrogate pair is no character";
  if (text_.find('\0') != std::string::npos) return "PostgreSQL stores no NUL characters";
  if (encoding == Encoding::moment) {
    text_ = moment_text(text_);
  } else if (encoding == Encoding::bytes && !text_.starts_with("\\x")) {
    const auto bytes = from_base64(text_);
    if (!bytes) return "it is not base64";
    text_ = "\\x";
    for (const char c : *bytes) {
      const auto byte = static_cast<unsigned char>(c);
      text_ += kHex[byte >> 4];
      text_ += kHex[byte & 15];
    }
  }
  return {};
}

std::string_view CopyEncoder::write_array(Encoding element, const JsonValue& array) {
  std::string_view problem;
  array_ += '{';
  bool is_first = true;
  array.visit_items([&](const JsonValue& item) {
    if (!problem.empty()) return;
    if (!is_first) array_ += ',';
    is_first = false;
    const std::string_view json = item.bytes();
    if (json == "null") {
      array_ += "NULL";
      return;
    }
    if (json.front() == '[' && element != Encoding::json) {
      problem = write_array(element, item);
      return;
    }
    problem = write(element, item);
    if (!problem.empty()) return;
    array_ += '"';
    for (const char c : text_) {
      if (c == '"' || c == '\\') array_ += '\\';
      array_ += c;
    }
    array_ += '"';
  });
  array_ += '}';
  return problem;
}

}  // namespace slicemill::postgres
