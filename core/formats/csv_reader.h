// Delimited text (RFC 4180: quotes, doubled quotes, line ends inside quotes) as JSON objects of text values.
//
//   file   := [mark] [header end] row*        mark: UTF-8 byte order mark
//   row    := field (delimiter field)* end    end: "\n" | "\r\n" | end of the file
//   field  := quoted | plain                  a quote inside a plain field is an ordinary character
//
// It never reads: the caller shows it bytes in order, and again what it left over. One per file, or per part of one
// that begins and ends with a row (core/formats/csv_rows.h); one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/record_text.h"
#include "core/runtime/result.h"

namespace slicemill {

struct CsvOptions {
  char delimiter = ',';
  std::vector<std::string> fields;  // names of the columns; empty: the first row has them
  bool remove_header = true;        // with `fields`: the first row is a header, drop it
  bool ignore_empty = true;         // empty values are left out of the record, blank lines are skipped
  std::uint64_t first_line = 1;     // of what is read; behind 1 there is no byte order mark
  std::string header{};             // the file's first row as it stands there, if what is read begins behind it
};

class CsvReader {
 public:
  explicit CsvReader(CsvOptions options);

  // data: the bytes behind what was used up so far, with kScanPadding readable ones behind; `last`: the file ends
  // there. Appends records to out, returns how many bytes are used up. 0 with data left: no row ends in it, show it
  // again with more. invalid: the message names the line.
  Result<std::size_t> read(std::string_view data, bool last, RecordText& out);
  // The row that names the columns, or that is dropped for it, is still to come.
  bool is_header_pending() const { return header_pending_; }

 private:
  struct Field {
    const char* begin;
    std::size_t size;
    bool has_doubled_quotes;
  };
  enum class Row { complete, incomplete };

  Result<Row> parse_row(const char*& p, const char* end, bool last);
  Result<Row> parse_quoted(const char*& p, const char* end, bool last);
  void parse_plain(const char*& p, const char* end);
  Result<void> take_row(RecordText& out);
  Result<void> take_header();
  Result<void> take_given_header(RecordText& out);
  void write_record(RecordText& out);
  std::string_view value(const Field& field);
  Error broken(std::uint64_t line, std::string_view problem) const;

  CsvOptions options_;
  std::vector<std::string> names_;  // `"name":`, quoted for JSON
  std::size_t names_bytes_ = 0;
  bool header_pending_;
  bool at_start_ = true;
  std::uint64_t line_;
  std::uint64_t row_lines_ = 0;  // line ends inside the row under way
  std::vector<Field> row_;
  std::string unquoted_;  // a field whose doubled quotes are being taken out
};

}  // namespace slicemill
