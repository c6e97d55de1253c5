#include "api/dialects/teraslice/display_text.h"

#include <utf8proc.h>

#include <algorithm>

#include "core/runtime/printable.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::size_t kBytesPerColumn = 8;  // marks take no column, so columns alone bound nothing

std::size_t width_of(utf8proc_int32_t point) {
  if (utf8proc_category(point) == UTF8PROC_CATEGORY_CN) return 1;  // younger than our tables
  return static_cast<std::size_t>(std::max(0, utf8proc_charwidth(point)));
}

// Calls visit(begin, width, breaks) for each code point: where it begins, and whether what came before may end there.
template <typename Visit>
void for_each_point(std::string_view text, const Visit& visit) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  utf8proc_int32_t before = -1, state = 0;
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t point = -1;
    const auto length = utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    if (length <= 0) return;
    visit(at, width_of(point), before < 0 || utf8proc_grapheme_break_stateful(before, point, &state));
    before = point;
    at += static_cast<std::size_t>(length);
  }
}

// As many bytes as there are at most, without a part of a character at the end.
std::string_view leading_bytes(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80 && most - end < 4) --end;
  return text.substr(0, end);
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for_each_point(text, [&](std::size_t, std::size_t own, bool) { width += own; });
  return width;
}

std::string fitted(std::string_view text, std::size_t columns, std::string_view ending) {
  const std::size_t most_bytes = columns * kBytesPerColumn;
  std::string shown = printable(leading_bytes(text, most_bytes));
  const std::size_t room = columns - std::min(columns, display_width(ending));
  std::size_t width = 0, kept = 0;
  for_each_point(shown, [&](std::size_t begin, std::size_t own, bool breaks) {
    if (breaks && width <= room && begin <= most_bytes) kept = begin;
    width += own;
  });
  if (text.size() <= most_bytes && shown.size() <= most_bytes && width <= columns) return shown;
  // What was looked at may have been cut in the middle of a character with its marks.
  if (width <= room && shown.size() <= most_bytes && kept == 0) kept = shown.size();
  shown.resize(kept);
  return shown.append(ending);
}

}  // namespace slicemill::api::teraslice
