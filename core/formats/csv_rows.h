// Where the rows of a delimited file end: what must be known to cut it. Whether a line end is data depends on all
// quotes before it, so the file is looked through from its beginning, by the grammar of core/formats/csv_reader.h and
// nothing else: a quote opens a field only at the field's first byte.
//
// It never reads: the caller shows it the bytes in order, each once. One per file; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slicemill {

struct CsvDialect {
  char delimiter = ',';
  std::optional<char> quote = '"';  // nothing: quotes are characters like others
};

// A file's first line "sep=X", as spreadsheets write it: X is the delimiter of what follows.
struct SeparatorLine {
  char delimiter;
  std::size_t size;  // with the byte order mark before it and the line end behind it
};
// text: the file's beginning, at least kSeparatorLineBytes of it or all.
constexpr std::size_t kSeparatorLineBytes = 10;
std::optional<SeparatorLine> separator_line(std::string_view text, const CsvDialect& dialect);
// The text would be one if it stood at the beginning of a file.
bool begins_like_separator_line(std::string_view text);

class CsvRows {
 public:
  // Begins behind a row (or at the file's beginning): at this byte, in this line (from 1). A separator line is a row
  // like others here: its delimiter is the caller's to give.
  CsvRows(const CsvDialect& dialect, std::uint64_t offset, std::uint64_t line)
      : dialect_(dialect), offset_(offset), line_(line), row_begin_(offset) {}

  // Takes bytes off the front, up to the end of the first row that ends behind byte `wanted` and behind which a part
  // may begin: true. False: all were taken. kScanPadding readable bytes behind them.
  bool find_end(std::string_view& bytes, std::uint64_t wanted);

  // Behind the bytes that were taken; after find_end() was true that is where the next row begins.
  std::uint64_t offset() const { return offset_; }
  std::uint64_t line() const { return line_; }

 private:
  enum class Inside {
    field_start,
    plain,
    quoted,
    quote,        // of a quoted field, maybe the first of a doubled one
    after_return  // a carriage return that ends the row, alone or with the line feed behind it
  };

  void take(std::string_view& bytes, std::size_t count);
  void take_plain(std::string_view& bytes);
  void take_quoted(std::string_view& bytes);
  void end_row(bool has_newline);

  CsvDialect dialect_;
  Inside inside_ = Inside::field_start;
  std::uint64_t offset_;
  std::uint64_t line_;
  std::uint64_t row_begin_;
  bool after_lone_return_ = false;  // the row before ended with one
  bool row_ended_ = false;
  char last_quoted_ = '\0';  // the byte of a quoted field that was taken last
};

}  // namespace slicemill
