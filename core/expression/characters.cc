#include "core/expression/characters.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

namespace slicemill::expression {
namespace {

constexpr std::int32_t kSharpS = 0xDF;

std::string each_character(std::string_view text, std::int32_t (*change)(std::int32_t)) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto character = character_at(text);
    if (character.point < 0) {
      out += text[0];
    } else {
      std::array<utf8proc_uint8_t, 4> bytes{};
      const auto size = utf8proc_encode_char(change(character.point), bytes.data());
      out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
    }
    text.remove_prefix(character.size);
  }
  return out;
}

}  // namespace

Character character_at(std::string_view text) {
  if (static_cast<unsigned char>(text[0]) < 0x80) return {static_cast<unsigned char>(text[0]), 1};
  utf8proc_int32_t point = -1;
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4)), &point);
  return size > 0 ? Character{point, static_cast<std::size_t>(size)} : Character{};
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(character_at(text).size);
  return count;
}

std::size_t offset_of_character(std::string_view text, std::size_t index) {
  std::size_t offset = 0;
  for (; index > 0 && offset < text.size(); --index) offset += character_at(text.substr(offset)).size;
  return offset;
}

std::string to_upper(std::string_view text) {
  // The sharp s has a capital of its own that is hardly used: it stays.
  return each_character(text, [](std::int32_t point) { return point == kSharpS ? point : utf8proc_toupper(point); });
}

std::string to_lower(std::string_view text) {
  return each_character(text, [](std::int32_t point) { return utf8proc_tolower(point); });
}

bool is_blank_character(std::int32_t point) {
  if (point == ' ' || (point >= '\t' && point <= '\r') || point == 0x85) return true;
  if (point < 0x80) return false;
  const auto category = utf8proc_category(point);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

}  // namespace slicemill::expression
