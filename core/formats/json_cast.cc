#include "core/formats/json_cast.h"

#include <fmt/format.h>

#include <cstring>

#include "core/formats/byte_scan.h"
#include "core/runtime/decimal.h"

namespace slicemill {
namespace {

char* write_text(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// The grammar of JSON numbers.
bool is_number_text(std::string_view text, bool& is_integer) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const auto whole = skip_digits(text, at);
  if (whole == at || (text[at] == '0' && whole > at + 1)) return false;
  at = whole;
  is_integer = at == text.size();
  if (at < text.size() && text[at] == '.') {
    const auto fraction = skip_digits(text, at + 1);
    if (fraction == at + 1) return false;
    at = fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const auto exponent = skip_digits(text, at);
    if (exponent == at) return false;
    at = exponent;
  }
  return at == text.size();
}

Error no_cast(std::string_view json, std::string_view target) {
  constexpr std::size_t kShown = 60;
  return {ErrorCode::invalid,
          fmt::format("cannot make {} of {}{}", target, json.substr(0, kShown), json.size() > kShown ? "..." : ""),
          false};
}

// The content of a JSON text, a number or a boolean as it is written. Escapes stay: no number or boolean needs them.
std::string_view content(std::string_view json) {
  if (json.starts_with('"')) return json.substr(1, json.size() - 2);
  return json;
}

Result<char*> to_number(std::string_view json, char* out) {
  const auto text = content(json);
  if (json == "true") return write_text("1", out);
  if (json == "false") return write_text("0", out);
  bool is_integer = false;
  if (!is_number_text(text, is_integer)) return no_cast(json, "a number");
  return write_text(text, out);
}

Result<char*> to_integer(std::string_view json, char* out) {
  const auto text = content(json);
  if (json == "true") return write_text("1", out);
  if (json == "false") return write_text("0", out);
  bool is_integer = false;
  if (!is_number_text(text, is_integer)) return no_cast(json, "an integer");
  if (is_integer) return write_text(text, out);
  const auto number = Decimal::of(text);
  if (!number || number->integer_size() > text.size() + kCastGrowth) return no_cast(json, "an integer");
  return number->write_integer(out);
}

Result<char*> to_boolean(std::string_view json, char* out) {
  const auto text = content(json);
  if (text == "true" || text == "1") return write_text("true", out);
  if (text == "false" || text == "0") return write_text("false", out);
  return no_cast(json, "a boolean");
}

}  // namespace

std::optional<JsonCast> parse_json_cast(std::string_view word) {
  if (word == "string") return JsonCast::string;
  if (word == "number") return JsonCast::number;
  if (word == "integer") return JsonCast::integer;
  if (word == "boolean") return JsonCast::boolean;
  return std::nullopt;
}

Result<char*> write_cast(std::string_view json, JsonCast cast, char* out) {
  if (json == "null") return write_text(json, out);
  if (json.starts_with('{') || json.starts_with('[')) return no_cast(json, "a scalar");
  switch (cast) {
    case JsonCast::string:
      if (json.starts_with('"')) return write_text(json, out);
      *out++ = '"';
      out = write_text(json, out);
      *out++ = '"';
      return out;
    case JsonCast::number:
      return to_number(json, out);
    case JsonCast::integer:
      return to_integer(json, out);
    case JsonCast::boolean:
      return to_boolean(json, out);
  }
  return Error(ErrorCode::internal, "unknown cast", false);
}

}  // namespace slicemill
