#include "core/formats/cell_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/formats/byte_scan.h"
#include "core/formats/iso_date.h"
#include "core/runtime/ascii.h"
#include "core/runtime/decimal.h"

namespace slicemill {
namespace {

constexpr std::string_view kInfer = "infer";
constexpr std::string_view kAllOthers = "*";
constexpr std::size_t kGroupDigits = 3;
constexpr std::size_t kLongestSeparator = 4;  // a character in UTF-8

std::string_view sign_of(std::string_view& text) {
  if (!text.starts_with('-') && !text.starts_with('+')) return {};
  const std::string_view sign = text.substr(0, 1);
  text.remove_prefix(1);
  return sign;
}

std::string_view leading_digits(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && is_digit(text[size])) ++size;
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

char* put_bytes(char* out, std::string_view text) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// The digits before the point, without what separates their groups. False: the groups are not of three digits.
bool write_whole(std::string_view& text, const NumberStyle& style, std::string_view& whole, char* out) {
  whole = leading_digits(text);
  if (style.thousands.empty() || !text.starts_with(style.thousands)) return true;
  if (whole.empty() || whole.size() > kGroupDigits) return false;
  char* end = put_bytes(out, whole);
  while (text.starts_with(style.thousands)) {
    text.remove_prefix(style.thousands.size());
    const std::string_view group = leading_digits(text);
    if (group.size() != kGroupDigits) return false;
    end = put_bytes(end, group);
  }
  whole = {out, static_cast<std::size_t>(end - out)};
  return true;
}

// exact: only what stands there as JSON would have it, and what a double keeps, so that nobody reads it otherwise.
char* write_number(std::string_view text, const NumberStyle& style, bool is_integer, bool exact, char* out) {
  char* const begin = out;
  const std::string_view sign = sign_of(text);
  if (sign == "-") *out++ = '-';
  std::string_view whole;
  if (!write_whole(text, style, whole, out)) return nullptr;
  const bool has_point = text.starts_with(style.decimal);
  if (has_point && is_integer) return nullptr;
  if (has_point) text.remove_prefix(1);
  const std::string_view fraction = has_point ? leading_digits(text) : std::string_view();
  if (whole.empty() && fraction.empty()) return nullptr;
  if (whole.size() > 1 && whole[0] == '0') return nullptr;  // of a code: as a number it would lose them
  if (exact && (sign == "+" || whole.empty() || (has_point && fraction.empty()))) return nullptr;
  if (whole.empty()) {
    *out++ = '0';
  } else {
    std::memmove(out, whole.data(), whole.size());  // it may stand there already
    out += whole.size();
  }
  if (!fraction.empty()) {
    *out++ = '.';
    out = put_bytes(out, fraction);
  }
  if (!text.empty()) {
    if (is_integer || (exact && fraction.empty()) || (text[0] != 'e' && text[0] != 'E')) return nullptr;
    *out++ = text[0];
    text.remove_prefix(1);
    out = put_bytes(out, sign_of(text));
    const std::string_view exponent = leading_digits(text);
    if (exponent.empty() || !text.empty()) return nullptr;
    out = put_bytes(out, exponent);
  }
  if (exact && !is_kept_by_double({begin, static_cast<std::size_t>(out - begin)})) return nullptr;
  return out;
}

char* write_boolean(std::string_view text, bool exact, char* out) {
  for (const std::string_view word : {"true", "yes", "1"})
    if (is_same_word(text, word) && (!exact || word == "true")) return put_bytes(out, "true");
  for (const std::string_view word : {"false", "no", "0"})
    if (is_same_word(text, word) && (!exact || word == "false")) return put_bytes(out, "false");
  return nullptr;
}

char* write_date_cell(std::string_view text, const std::optional<DatePattern>& pattern, char* out) {
  *out++ = '"';
  if (pattern) {
    out = pattern->write_iso(text, out);
    if (out == nullptr) return nullptr;
  } else {
    if (!IsoInstant::parse(text)) return nullptr;
    out = put_bytes(out, text);
  }
  *out++ = '"';
  return out;
}

Error types_error(std::string_view option, std::string_view problem) {
  return Error(ErrorCode::invalid, fmt::format("{}: {}", option, problem), false);
}

Result<CellRules::Chosen> chosen_type(const std::string& place, const Json& value) {
  const Json word = value.is_object() ? value.value("type", Json()) : value;
  if (!word.is_string())
    return types_error(place,
                       "must be a type (text, integer, decimal, boolean, date, infer), or an object {type, format}");
  const auto& text = word.get_ref<const std::string&>();
  if (text == kInfer && !value.is_object()) return CellRules::Chosen();
  const auto type = cell_type_from(text);
  if (!type) {
    return types_error(
        place, fmt::format("\"{}\" is no type; there are text, integer, decimal, boolean, date and infer", text));
  }
  ColumnRule rule{.type = *type};
  if (!value.is_object()) return CellRules::Chosen(std::move(rule));
  for (const auto& [key, unused] : value.items())
    if (key != "type" && key != "format")
      return types_error(place, fmt::format("\"{}\" is no member; type and format are", key));
  const Json format = value.value("format", Json());
  if (format.is_null()) return CellRules::Chosen(std::move(rule));
  if (*type != CellType::date || !format.is_string()) return types_error(place, "format is a text, and for dates only");
  auto pattern = DatePattern::parse(format.get_ref<const std::string&>());
  if (!pattern) return with_context(pattern.error(), place);
  rule.pattern = std::move(*pattern);
  return CellRules::Chosen(std::move(rule));
}

Result<void> read_number_style(const Json& options, NumberStyle& style) {
  const std::string decimal = options.value("decimal_separator", std::string("."));
  style.thousands = options.value("thousands_separator", std::string());
  if (decimal != "." && decimal != ",") return types_error("decimal_separator", "must be \".\" or \",\"");
  style.decimal = decimal[0];
  const auto is_one_character = [](const std::string& text) {
    return text.size() <= kLongestSeparator &&
           std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }) == 1;
  };
  if (style.thousands.empty()) return {};
  if (!is_one_character(style.thousands) || style.thousands == decimal ||
      std::string_view("0123456789+-eE\"\n\r").find(style.thousands) != std::string_view::npos) {
    return types_error("thousands_separator",
                       "must be one character, and neither a digit, a sign nor the decimal_separator");
  }
  return {};
}

}  // namespace

std::string_view to_string(CellType type) {
  switch (type) {
    case CellType::text:
      return "text";
    case CellType::integer:
      return "integer";
    case CellType::decimal:
      return "decimal";
    case CellType::boolean:
      return "boolean";
    case CellType::date:
      return "date";
  }
  return "";
}

std::optional<CellType> cell_type_from(std::string_view word) {
  for (const auto type : {CellType::text, CellType::integer, CellType::decimal, CellType::boolean, CellType::date})
    if (word == to_string(type)) return type;
  if (word == "string") return CellType::text;
  if (word == "number") return CellType::decimal;
  return std::nullopt;
}

bool CellRules::infers() const {
  return !others || std::any_of(columns.begin(), columns.end(), [](const auto& column) { return !column.second; });
}

bool CellRules::is_inferred(std::string_view column) const {
  for (const auto& [name, chosen] : columns)
    if (name == column) return !chosen;
  return !others;
}

ColumnRule CellRules::rule(std::string_view column, const InferredTypes& inferred) const {
  const auto named =
      std::find_if(columns.begin(), columns.end(), [&](const auto& each) { return each.first == column; });
  const Chosen& chosen = named == columns.end() ? others : named->second;
  ColumnRule rule;
  if (chosen) {
    rule = *chosen;
  } else if (const auto found = inferred.find(column); found != inferred.end()) {
    rule.type = found->second;
    rule.is_inferred = true;
  }
  if (rule.type == CellType::date && !rule.pattern) rule.pattern = pattern;
  return rule;
}

Result<std::optional<CellRules>> cell_rules(const Json& options) {
  const auto types = options.find("types");
  const bool has_types = types != options.end() && !types->is_null();
  if (!has_types) {
    for (const char* option : {"thousands_separator", "date_format", "decimal_separator"})
      if (options.contains(option) && !options[option].is_null())
        return types_error(option, "says how typed columns are written; `types` names them");
    return std::optional<CellRules>();
  }
  CellRules rules;
  RETURN_IF_ERROR(read_number_style(options, rules.numbers));
  if (const std::string format = options.value("date_format", std::string()); !format.empty()) {
    auto pattern = DatePattern::parse(format);
    if (!pattern) return with_context(pattern.error(), "date_format");
    rules.pattern = std::move(*pattern);
  }
  if (!types->is_object()) {
    ASSIGN_OR_RETURN(rules.others, chosen_type("types", *types));
    return std::optional(std::move(rules));
  }
  for (const auto& [name, value] : types->items()) {
    ASSIGN_OR_RETURN(auto chosen, chosen_type("types." + name, value));
    if (name == kAllOthers) {
      rules.others = std::move(chosen);
    } else {
      rules.columns.emplace_back(name, std::move(chosen));
    }
  }
  return std::optional(std::move(rules));
}

std::string_view trimmed_cell(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

char* write_cell(const ColumnRule& rule, const NumberStyle& numbers, std::string_view text, char* out) {
  if (!rule.is_inferred) text = trimmed_cell(text);
  switch (rule.type) {
    case CellType::integer:
    case CellType::decimal:
      return write_number(text, numbers, rule.type == CellType::integer, rule.is_inferred, out);
    case CellType::boolean:
      return write_boolean(text, rule.is_inferred, out);
    case CellType::date:
      return write_date_cell(text, rule.pattern, out);
    case CellType::text:
      break;
  }
  return nullptr;
}

std::string cell_problem(const ColumnRule& rule, const NumberStyle& numbers, std::string_view text) {
  std::string problem = fmt::format("is no {}", to_string(rule.type));
  if (rule.is_inferred) return problem;
  if (rule.type == CellType::date) {
    return problem + (rule.pattern ? fmt::format(" as \"{}\" has it", rule.pattern->text())
                                   : " of ISO 8601 (`date_format` says how dates are written)");
  }
  if (rule.type != CellType::decimal && rule.type != CellType::integer) return problem;
  const std::string_view digits = trimmed_cell(text);
  const auto first = digits.find_first_not_of("+-");
  if (first != std::string_view::npos && first + 1 < digits.size() && digits[first] == '0' &&
      is_digit(digits[first + 1]))
    return problem + ": zeros in front would be lost (text keeps them)";
  const char other = numbers.decimal == '.' ? ',' : '.';
  if (numbers.thousands.empty() && text.find(other) != std::string_view::npos) {
    problem += fmt::format(" (`decimal_separator` is \"{}\", and there is no `thousands_separator`)", numbers.decimal);
  }
  return problem;
}

bool ColumnSample::fits(CellType type, std::string_view text) const {
  std::array<char, 256> space;
  if (text.size() + kCellGrowth > space.size()) return false;
  ColumnRule rule{.type = type, .is_inferred = true};
  if (type == CellType::date) rule.pattern = rules_->pattern;
  return write_cell(rule, rules_->numbers, text, space.data()) != nullptr;
}

void ColumnSample::take(std::string_view text) {
  if (text.empty()) return;
  has_any_ = true;
  if (may_be_integer_) may_be_integer_ = fits(CellType::integer, text);
  if (may_be_decimal_) may_be_decimal_ = fits(CellType::decimal, text);
  if (may_be_boolean_) may_be_boolean_ = fits(CellType::boolean, text);
  if (may_be_date_) may_be_date_ = fits(CellType::date, text);
}

CellType ColumnSample::type() const {
  if (!has_any_) return CellType::text;
  if (may_be_date_) return CellType::date;
  if (may_be_integer_) return CellType::integer;
  if (may_be_decimal_) return CellType::decimal;
  if (may_be_boolean_) return CellType::boolean;
  return CellType::text;
}

}  // namespace slicemill
