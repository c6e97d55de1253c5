#include "core/runtime/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace slicemill {
namespace {

struct Character {
  std::uint32_t point = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The character that begins the text; one invalid byte if the text begins with no UTF-8. Requires: not empty.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xF0 && lead < 0xF8 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead >= 0xF5 || text.size() < length) return {lead};
  std::uint32_t point = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {lead};
    point = point << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < kLeast[length] || point > 0x10FFFF || surrogate) return {lead};
  return {point, length, true};
}

struct Hidden {
  std::uint32_t first, last;
};
// Control characters, those that set the direction of writing, separators of lines and paragraphs, and format
// characters without a shape. The joiners U+200C and U+200D belong to words and to pictures of several characters.
constexpr std::array kHidden = {Hidden{0x00, 0x1F},     Hidden{0x7F, 0x9F},     Hidden{0xAD, 0xAD},
                                Hidden{0x61C, 0x61C},   Hidden{0x180E, 0x180E}, Hidden{0x200B, 0x200B},
                                Hidden{0x200E, 0x200F}, Hidden{0x2028, 0x202E}, Hidden{0x2060, 0x206F},
                                Hidden{0xFEFF, 0xFEFF}, Hidden{0xFFF9, 0xFFFB}};

bool is_hidden(std::uint32_t point) {
  return std::ranges::any_of(kHidden,
                             [point](const Hidden& range) { return point >= range.first && point <= range.last; });
}

bool is_plain(char c) {
  return c >= 0x20 && c < 0x7F;
}

// Calls plain(bytes) and hidden(character) in the order of the text.
template <typename Plain, typename Hide>
void walk(std::string_view text, const Plain& plain, const Hide& hidden) {
  while (!text.empty()) {
    const auto run = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
    if (run > 0) plain(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) return;
    const Character character = first_character(text);
    if (character.valid && !is_hidden(character.point))
      plain(text.substr(0, character.bytes));
    else
      hidden(character);
    text.remove_prefix(character.bytes);
  }
}

void append_escape(std::string& out, const Character& character) {
  const std::uint32_t point = character.point;
  if (point == '\n')
    out += "\\n";
  else if (point == '\t')
    out += "\\t";
  else if (point == '\r')
    out += "\\r";
  else if (point <= 0xFF)
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", point);
  else
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", point);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  walk(
      text, [&](std::string_view bytes) { out += bytes; },
      [&](const Character& character) { append_escape(out, character); });
  return out;
}

bool is_printable(std::string_view text) {
  if (std::ranges::all_of(text, is_plain)) return true;
  bool hides = false;
  walk(
      text, [](std::string_view) {}, [&](const Character&) { hides = true; });
  return !hides;
}

std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  walk(
      json, [&](std::string_view bytes) { out += bytes; },
      [&](const Character& character) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", character.valid ? character.point : 0xFFFDu);
      });
  return out;
}

}  // namespace slicemill
