// Where the rows of a delimited file end: what must be known to cut it. Whether a line end is data depends on all
// quotes before it, so the file is looked through from its beginning, by the grammar of core/formats/csv_reader.h and
// nothing else: a quote opens a field only at the field's first byte.
//
// It never reads: the caller shows it the bytes in order, each once. One per file; one thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace slicemill {

class CsvRows {
 public:
  // Begins behind a row (or at the file's beginning): at this byte, in this line (from 1).
  CsvRows(char delimiter, std::uint64_t offset, std::uint64_t line)
      : delimiter_(delimiter), offset_(offset), line_(line) {}

  // Takes bytes off the front, up to the end of the first row that ends behind byte `wanted`: true. False: all were
  // taken. kScanPadding readable bytes behind them.
  bool find_end(std::string_view& bytes, std::uint64_t wanted);

  // Behind the bytes that were taken; after find_end() was true that is where the next row begins.
  std::uint64_t offset() const { return offset_; }
  std::uint64_t line() const { return line_; }

 private:
  enum class Inside {
    field_start,
    plain,
    quoted,
    quote
  };  // quote: of a quoted field, maybe the first of a doubled one

  void take(std::string_view& bytes, std::size_t count);

  char delimiter_;
  Inside inside_ = Inside::field_start;
  std::uint64_t offset_;
  std::uint64_t line_;
};

}  // namespace slicemill
