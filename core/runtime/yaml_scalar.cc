#include "core/runtime/yaml_scalar.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "core/runtime/decimal.h"

namespace slicemill {
namespace {

constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, text) != words.end();
}

constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> kTrue = {"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> kFalse = {"false", "False", "FALSE"};
constexpr std::array<std::string_view, 6> kOldTrue = {"yes", "Yes", "YES", "on", "On", "ON"};
constexpr std::array<std::string_view, 6> kOldFalse = {"no", "No", "NO", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 6> kNoNumber = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text;
}

bool are_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

// [-+]? ( "." digits | digits ("." digits?)? ) ( [eE] [-+]? digits )?
bool is_float(std::string_view text) {
  std::string_view rest = without_sign(text);
  const auto exponent = rest.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    if (!are_digits(without_sign(rest.substr(exponent + 1)))) return false;
    rest = rest.substr(0, exponent);
  }
  const auto dot = rest.find('.');
  if (dot == std::string_view::npos) return are_digits(rest);
  const auto whole = rest.substr(0, dot), fraction = rest.substr(dot + 1);
  if (whole.empty()) return are_digits(fraction);
  return are_digits(whole) && (fraction.empty() || are_digits(fraction));
}

Error does_not_fit(std::string_view text) {
  return {ErrorCode::invalid, fmt::format("the number {} does not fit into 64 bits; give it as text in quotes", text)};
}

Result<Json> whole_number(std::string_view text, std::string_view digits, int base) {
  const char* const last = digits.data() + digits.size();
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), last, size, base);
  if (error != std::errc() || end != last) return does_not_fit(text);
  if (!text.starts_with('-')) {
    if (size <= INT64_MAX) return Json(static_cast<std::int64_t>(size));
    return Json(size);
  }
  if (size > static_cast<std::uint64_t>(INT64_MAX) + 1) return does_not_fit(text);
  return Json(static_cast<std::int64_t>(-size));
}

Result<Json> real_number(std::string_view text) {
  std::string_view plain = text;
  if (plain.starts_with('+')) plain.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), number);
  if (error != std::errc() || end != plain.data() + plain.size() || !std::isfinite(number)) return does_not_fit(text);
  // A point at either end is no number of JSON, and has no digit that could be lost.
  const bool is_json = plain.front() != '.' && !plain.starts_with("-.") && plain.find(".e") == std::string_view::npos &&
                       plain.find(".E") == std::string_view::npos && plain.back() != '.';
  if (is_json && !is_kept_by_double(plain))
    return Error(ErrorCode::invalid,
                 fmt::format("the number {} has more digits than a double keeps; give fewer, or a text", text));
  return Json(number);
}

bool has_leading_zero(std::string_view digits) {
  return digits.size() > 1 && digits.front() == '0';
}

// 0x1F and 0o17; nothing if the text is neither.
std::optional<Result<Json>> prefixed_number(std::string_view text) {
  const bool is_octal = text.starts_with("0o");
  if (!is_octal && !text.starts_with("0x")) return std::nullopt;
  const std::string_view digits = text.substr(2);
  const auto allowed = is_octal ? std::string_view("01234567") : std::string_view("0123456789abcdefABCDEF");
  if (digits.empty() || digits.find_first_not_of(allowed) != std::string_view::npos) return std::nullopt;
  return whole_number(text, digits, is_octal ? 8 : 16);
}

// Numbers that only YAML 1.1 knows: 1_000, 0b101.
bool is_old_number(std::string_view text) {
  const std::string_view digits = without_sign(text);
  if (digits.starts_with("0b"))
    return digits.size() > 2 && digits.find_first_not_of("01_", 2) == std::string_view::npos;
  if (digits.find('_') == std::string_view::npos || digits.empty() || !is_digit(digits.front())) return false;
  return digits.find_first_not_of("0123456789_.") == std::string_view::npos;
}

}  // namespace

Result<Json> yaml_plain_scalar(const std::string& text, std::string& note) {
  if (is_one_of(text, kNull)) return Json(nullptr);
  if (is_one_of(text, kTrue)) return Json(true);
  if (is_one_of(text, kFalse)) return Json(false);
  const std::string_view digits = without_sign(text);
  if (are_digits(digits)) {
    if (!has_leading_zero(digits)) return whole_number(text, digits, 10);
    note = fmt::format(
        "{} begins with a zero and is taken as text (as a number it is {} in YAML 1.2 and octal in YAML "
        "1.1); put it in quotes, or write it without the zero",
        text, digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1)));
    return Json(text);
  }
  if (auto number = prefixed_number(text)) return *number;
  if (is_float(text)) return real_number(text);
  if (is_one_of(text, kOldTrue) || is_one_of(text, kOldFalse)) {
    note = fmt::format("{} is taken as text; write {} for the truth value, or put the text in quotes", text,
                       is_one_of(text, kOldTrue));
  } else if (is_one_of(digits, kNoNumber) || is_old_number(text)) {
    note = fmt::format("{} is taken as text, not as a number; put it in quotes if it is meant as text", text);
  }
  return Json(text);
}

Result<Json> yaml_tagged_scalar(const std::string& text, std::string_view tag) {
  if (tag == "!") return Json(text);
  if (!tag.starts_with(kCoreTag)) return Error(ErrorCode::invalid, fmt::format("the tag {} is not known", tag));
  const std::string_view type = tag.substr(kCoreTag.size());
  if (type == "str") return Json(text);
  std::string note;
  ASSIGN_OR_RETURN(Json value, yaml_plain_scalar(text, note));
  if (type == "float" && value.is_number()) return Json(value.get<double>());
  const bool fits = (type == "int" && value.is_number_integer()) || (type == "bool" && value.is_boolean()) ||
                    (type == "null" && value.is_null());
  if (fits) return value;
  const bool is_known = type == "int" || type == "float" || type == "bool" || type == "null";
  return Error(ErrorCode::invalid, is_known ? fmt::format("\"{}\" is no value of the tag !!{}", text, type)
                                            : fmt::format("the tag !!{} is not supported", type));
}

}  // namespace slicemill
