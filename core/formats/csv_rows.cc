#include "core/formats/csv_rows.h"

#include "core/formats/byte_scan.h"

namespace slicemill {

void CsvRows::take(std::string_view& bytes, std::size_t count) {
  bytes.remove_prefix(count);
  offset_ += count;
}

bool CsvRows::find_end(std::string_view& bytes, std::uint64_t wanted) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (offset_ == 0 && bytes.starts_with(kByteOrderMark)) take(bytes, kByteOrderMark.size());
  while (!bytes.empty()) {
    const char* begin = bytes.data();
    const char* end = begin + bytes.size();
    switch (inside_) {
      case Inside::field_start:
        inside_ = *begin == '"' ? Inside::quoted : Inside::plain;
        if (inside_ == Inside::quoted) take(bytes, 1);
        break;
      case Inside::plain: {
        // Fields that nothing follows but plain ones are one stretch: only a quote makes it matter where they begin.
        const char* found = find_any_of(begin, end, '"', '\n', '\n');
        const auto passed = static_cast<std::size_t>(found - begin);
        const bool is_field_start = passed > 0 && found[-1] == delimiter_;
        if (found == end) {
          take(bytes, passed);
          if (is_field_start) inside_ = Inside::field_start;
          return false;
        }
        take(bytes, passed + (*found == '"' && is_field_start ? 0 : 1));
        if (*found == '"') {
          if (is_field_start) inside_ = Inside::field_start;
          break;
        }
        ++line_;
        inside_ = Inside::field_start;
        if (offset_ > wanted) return true;
        break;
      }
      case Inside::quoted: {
        const char* found = find_any_of(begin, end, '"', '\n', '\n');
        if (found < end && *found == '\n') ++line_;
        if (found < end && *found == '"') inside_ = Inside::quote;
        take(bytes, static_cast<std::size_t>(found - begin) + (found < end ? 1 : 0));
        break;
      }
      case Inside::quote:
        if (*begin == '"') {
          inside_ = Inside::quoted;
          take(bytes, 1);
        } else if (*begin == delimiter_) {
          inside_ = Inside::field_start;
          take(bytes, 1);
        } else {
          inside_ = Inside::plain;
        }
        break;
    }
  }
  return false;
}

}  // namespace slicemill
