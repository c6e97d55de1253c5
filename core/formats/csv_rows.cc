#include "core/formats/csv_rows.h"

#include "core/formats/byte_scan.h"
#include "core/runtime/ascii.h"

namespace slicemill {

namespace {

constexpr std::string_view kRowsByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSeparatorWord = "sep=";

}  // namespace

bool begins_like_separator_line(std::string_view text) {
  return text.size() >= kSeparatorWord.size() && is_same_word(text.substr(0, kSeparatorWord.size()), kSeparatorWord);
}

std::optional<SeparatorLine> separator_line(std::string_view text, const CsvDialect& dialect) {
  std::string_view rest = text;
  if (rest.starts_with(kRowsByteOrderMark)) rest.remove_prefix(kRowsByteOrderMark.size());
  if (!begins_like_separator_line(rest)) return std::nullopt;
  rest.remove_prefix(kSeparatorWord.size());
  if (rest.empty() || rest[0] == '\n' || rest[0] == '\r' || rest[0] == dialect.quote) return std::nullopt;
  const char delimiter = rest[0];
  rest.remove_prefix(1);
  if (!rest.empty() && rest[0] != '\n' && rest[0] != '\r') return std::nullopt;
  if (rest.starts_with('\r')) rest.remove_prefix(1);
  if (rest.starts_with('\n')) rest.remove_prefix(1);
  return SeparatorLine{delimiter, text.size() - rest.size()};
}

void CsvRows::take(std::string_view& bytes, std::size_t count) {
  bytes.remove_prefix(count);
  offset_ += count;
}

// "\r\r\n" is one row end, which is read as "\r" and a rest that is no row.
void CsvRows::end_row(bool has_newline) {
  const bool is_rest = after_lone_return_ && has_newline && offset_ == row_begin_ + 2;
  if (!is_rest) ++line_;
  after_lone_return_ = !has_newline;
  row_begin_ = offset_;
  inside_ = Inside::field_start;
  row_ended_ = true;
}

void CsvRows::take_plain(std::string_view& bytes) {
  const char* begin = bytes.data();
  const char* end = begin + bytes.size();
  // Fields that nothing follows but plain ones are one stretch: only a quote makes it matter where they begin.
  const char* found = find_any_of(begin, end, dialect_.quote.value_or('\n'), '\n', '\r');
  const auto passed = static_cast<std::size_t>(found - begin);
  const bool is_field_start = passed > 0 && found[-1] == dialect_.delimiter;
  if (found == end) {
    take(bytes, passed);
    if (is_field_start) inside_ = Inside::field_start;
  } else if (*found == '\n') {
    take(bytes, passed + 1);
    after_lone_return_ = false;
    end_row(true);
  } else if (*found == '\r') {
    take(bytes, passed + 1);
    inside_ = Inside::after_return;
  } else {
    take(bytes, passed + (is_field_start ? 0 : 1));
    if (is_field_start) inside_ = Inside::field_start;
  }
}

void CsvRows::take_quoted(std::string_view& bytes) {
  const char* begin = bytes.data();
  const char* end = begin + bytes.size();
  const char* found = find_any_of(begin, end, *dialect_.quote, '\n', '\r');
  const char before = found > begin ? found[-1] : last_quoted_;
  if (found == end) {
    last_quoted_ = before;
    take(bytes, static_cast<std::size_t>(found - begin));
    return;
  }
  // A carriage return and the line feed behind it are one line end.
  if (*found == '\r' || (*found == '\n' && before != '\r')) ++line_;
  if (*found == dialect_.quote) inside_ = Inside::quote;
  last_quoted_ = *found;
  take(bytes, static_cast<std::size_t>(found - begin) + 1);
}

bool CsvRows::find_end(std::string_view& bytes, std::uint64_t wanted) {
  if (offset_ == 0 && bytes.starts_with(kRowsByteOrderMark)) {
    take(bytes, kRowsByteOrderMark.size());
    row_begin_ = offset_;
  }
  while (!bytes.empty()) {
    const char first = bytes.front();
    row_ended_ = false;
    switch (inside_) {
      case Inside::field_start:
        inside_ = first == dialect_.quote ? Inside::quoted : Inside::plain;
        if (inside_ == Inside::quoted) take(bytes, 1);
        last_quoted_ = '\0';
        break;
      case Inside::plain:
        take_plain(bytes);
        break;
      case Inside::quoted:
        take_quoted(bytes);
        break;
      case Inside::quote:
        if (first == dialect_.quote) {
          inside_ = Inside::quoted;
          take(bytes, 1);
        } else if (first == dialect_.delimiter) {
          inside_ = Inside::field_start;
          take(bytes, 1);
        } else {
          inside_ = Inside::plain;
        }
        break;
      case Inside::after_return:
        if (first == '\n') take(bytes, 1);
        end_row(first == '\n');
        // The second carriage return may be the one of "\r\r\n".
        if (first == '\r') row_ended_ = false;
        break;
    }
    if (row_ended_ && offset_ > wanted) return true;
  }
  return false;
}

}  // namespace slicemill
