#include "core/query/field.h"

#include <clocale>
#include <cmath>
#include <cwctype>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/query/date_period.h"
#include "core/runtime/text.h"

namespace slicemill::query {

namespace {

std::optional<std::string> scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return to_compact_text(value);
  return std::nullopt;
}

Value keywords_value(const Json& value) {
  std::string terms;
  auto add = [&terms](const Json& item) {
    if (auto text = scalar_text(item)) terms.append(*text) += kTermEnd;
  };
  if (value.is_array()) {
    for (const Json& item : value) add(item);
  } else {
    add(value);
  }
  if (terms.empty()) return {};
  return kTermEnd + terms;
}

Value integer_value(const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return {};
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number_float() && std::abs(value.get<double>()) < 9e15) return value.get<std::int64_t>();
  if (!value.is_string()) return {};
  auto number = parse_integer(value.get_ref<const std::string&>());
  return number ? Value(*number) : Value();
}

Value boolean_value(const Json& value) {
  if (value == true || value == "true") return std::int64_t{1};
  if (value == false || value == "false") return std::int64_t{0};
  return {};
}

Value date_value(const Json& value) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_string()) return {};
  auto period = parse_date_period(value.get_ref<const std::string&>(), 0);
  return period ? Value(period->first) : Value();
}

const Json* member_of(const Field& field, const Json& document) {
  if (!document.is_object()) return nullptr;
  auto found = document.find(field.name);
  return found == document.end() || found->is_null() ? nullptr : &*found;
}

locale_t utf8_locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

// One code point at the start of text, with its length; a byte that begins none stands for itself.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 1;
};
CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
  if (length == 1 || text.size() < length) return {lead, 1};
  std::uint32_t value = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) value = value << 6 | (static_cast<std::uint8_t>(text[i]) & 0x3Fu);
  return {value, length};
}

void append_code_point(std::string& out, std::uint32_t value) {
  if (value < 0x800) {
    out += static_cast<char>(0xC0 | value >> 6);
  } else if (value < 0x10000) {
    out += static_cast<char>(0xE0 | value >> 12);
    out += static_cast<char>(0x80 | (value >> 6 & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | value >> 18);
    out += static_cast<char>(0x80 | (value >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (value >> 6 & 0x3F));
  }
  out += static_cast<char>(0x80 | (value & 0x3F));
}

bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

// The length of the piece of a word at text[at], 0 if none is there. Letters outside of ASCII count as such.
std::size_t word_piece(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (is_ascii_letter(c) || is_ascii_digit(c) || c == '_') return 1;
  if (static_cast<std::uint8_t>(c) < 0x80) {
    if ((c != '.' && c != '\'') || at == 0 || at + 1 >= text.size()) return 0;
    const char before = text[at - 1];
    const char after = text[at + 1];
    return (is_ascii_letter(before) && is_ascii_letter(after)) ||
                   (c == '.' && is_ascii_digit(before) && is_ascii_digit(after))
               ? 1
               : 0;
  }
  const CodePoint point = first_code_point(text.substr(at));
  if (point.length == 1) return 0;
  const locale_t locale = utf8_locale();
  return locale == nullptr || iswalnum_l(static_cast<wint_t>(point.value), locale) ? point.length : 0;
}

}  // namespace

const Field* find_field(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields)
    if (field.name == name) return &field;
  return nullptr;
}

const Field* find_field(std::span<const Field> fields, FieldRole role) {
  for (const Field& field : fields)
    if (field.role == role) return &field;
  return nullptr;
}

Value value_of(const Field& field, const Json& document) {
  const Json* member = member_of(field, document);
  if (member == nullptr) return {};
  switch (field.type) {
    case FieldType::keyword: {
      auto text = scalar_text(*member);
      return text ? Value(std::move(*text)) : Value();
    }
    case FieldType::keywords:
      return keywords_value(*member);
    case FieldType::text:
      return member->is_string() ? Value(words_of(member->get_ref<const std::string&>())) : Value();
    case FieldType::integer:
      return integer_value(*member);
    case FieldType::boolean:
      return boolean_value(*member);
    case FieldType::date:
      return date_value(*member);
  }
  return {};
}

Value sort_value_of(const Field& field, const Json& document) {
  if (field.type != FieldType::text) return value_of(field, document);
  const Json* member = member_of(field, document);
  return member != nullptr && member->is_string() ? Value(member->get<std::string>()) : Value();
}

std::string words_of(std::string_view text) {
  std::string terms(1, kTermEnd);
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = at;
    while (at < text.size()) {
      const std::size_t piece = word_piece(text, at);
      if (piece == 0) break;
      at += piece;
    }
    if (at == begin) {
      ++at;
    } else {
      terms.append(lower_case(text.substr(begin, at - begin))) += kTermEnd;
    }
  }
  return terms;
}

std::string lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (point.length == 1) {
      out += is_ascii_letter(text[0]) ? static_cast<char>(text[0] | 0x20) : text[0];
    } else {
      const locale_t locale = utf8_locale();
      const auto wide = static_cast<wint_t>(point.value);
      append_code_point(out, static_cast<std::uint32_t>(locale == nullptr ? wide : towlower_l(wide, locale)));
    }
    text.remove_prefix(point.length);
  }
  return out;
}

}  // namespace slicemill::query
