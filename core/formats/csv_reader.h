// Delimited text (RFC 4180: quotes, doubled quotes, line ends inside quotes) as JSON objects of text values, or of
// values of the types that columns have.
//
//   file   := [mark] [separator] [header end] row*    mark: UTF-8 byte order mark; separator: "sep=X" end
//   row    := field (delimiter field)* end            end: "\n" | "\r\n" | "\r\r\n" | "\r" | end of the file
//   field  := quoted | plain                          a quote inside a plain field is an ordinary character
//
// A line with nothing in it is blank; a line of two quotes is a row of one empty field.
//
// It never reads: the caller shows it bytes in order, and again what it left over. One per file, or per part of one
// that begins and ends with a row (core/formats/csv_rows.h); one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/cell_types.h"
#include "core/formats/csv_rows.h"
#include "core/formats/record_text.h"
#include "core/runtime/result.h"

namespace slicemill {

struct CsvOptions {
  CsvDialect dialect{};
  std::vector<std::string> fields{};  // names of the columns; empty: the first row has them
  bool remove_header = true;          // with `fields`: a first row that consists of these names is dropped
  bool ignore_empty = true;           // blank lines are skipped, and without `empty` empty values are left out
  std::optional<EmptyCell> empty{};   // what becomes of empty values; a type other than text makes null of ""
  // Nobody has named the delimiter: a header of one column that holds another one is an error, if the first row does
  // too.
  bool doubts_delimiter = false;
  // Where in the file begins what is read.
  std::uint64_t first_byte = 0;
  std::uint64_t first_line = 1;
  bool is_part = false;  // it begins behind the header
  // Of a part: the file's beginning up to and with the row that names the columns; with `fields`, its separator line.
  std::string header{};
  std::optional<CellRules> types{};  // nothing: every value is text
  InferredTypes inferred_types{};
  // Hears every value of good rows, by column, instead of records that are made of them.
  std::function<void(std::size_t column, std::string_view value)> on_value{};
};

// A row of which no record can be made, with all that belongs to it.
struct BadCsvRow {
  std::string_view text;  // without its line end
  std::uint64_t byte;     // of the file, where it begins
  std::uint64_t line;
  const Error& error;  // names line, column and byte
};

class CsvReader {
 public:
  // Says whether reading goes on behind the row. Without one, the row's error is returned.
  using OnBadRow = std::function<Result<void>(const BadCsvRow&)>;

  explicit CsvReader(CsvOptions options);

  // data: the bytes behind what was used up so far, with kScanPadding readable ones behind; `last`: the file ends
  // there. Appends records to out, returns how many bytes are used up. 0 with data left: no row ends in it, show it
  // again with more. invalid: the message names line, column and byte.
  Result<std::size_t> read(std::string_view data, bool last, RecordText& out, const OnBadRow& on_bad_row = {});
  // The row that names the columns, or that may be dropped, is still to come.
  bool is_header_pending() const { return header_pending_; }
  // Null as long as they are not known.
  const std::vector<std::string>* columns() const { return columns_.empty() ? nullptr : &columns_; }

 private:
  struct Field {
    const char* begin;
    std::size_t size;
    bool is_quoted;
    bool has_doubled_quotes;
  };
  enum class Row { complete, incomplete };
  // What is wrong with the row under way.
  struct Problem {
    const char* at;
    std::size_t column;  // from 0
    std::uint64_t line;
    std::string text;
  };
  struct Suspect {
    char delimiter;
    std::size_t count;
  };

  Row parse_row(const char*& p, const char* end, bool last);
  Row parse_quoted(const char*& p, const char* end, bool last);
  void parse_plain(const char*& p, const char* end);
  Row end_row(const char*& p, const char* end, bool last);
  std::size_t skip_beginning(std::string_view data);
  Result<void> take_row(std::string_view text, RecordText& out, const OnBadRow& on_bad_row);
  Result<void> take_header(std::string_view text);
  Result<bool> is_header_of_fields();
  Result<void> judge_delimiter(std::string_view text);
  Result<void> take_given_header(RecordText& out);
  void check_row(std::string_view text);
  void add_column(std::string name);
  Result<void> check_typed_columns(std::string_view text) const;
  void write_record(RecordText& out);
  // False: a cell does not fit its type, which is noted as the row's problem.
  bool write_typed_record(RecordText& out);
  char* write_empty(char* p, std::size_t column) const;
  void note_misfit(const Field& field, std::size_t column, std::string_view text);
  std::string_view value(const Field& field);
  void note_problem(const char* at, std::size_t column, std::uint64_t line, std::string text);
  std::uint64_t byte_of(const char* at) const { return first_byte_ + static_cast<std::uint64_t>(at - data_); }
  Error error_of(const Problem& problem) const;
  std::string delimiter_hint(std::string_view text) const;

  CsvOptions options_;
  char delimiter_;
  EmptyCell empty_;
  std::vector<ColumnRule> rules_;  // by column, if there are types
  std::vector<std::string> columns_;
  std::vector<std::string> names_;  // `"name":`, quoted for JSON
  std::size_t names_bytes_ = 0;
  bool header_pending_;
  bool at_start_;
  std::uint64_t line_;
  std::uint64_t first_byte_;  // of data_
  const char* data_ = nullptr;
  std::vector<Suspect> suspects_;  // until the first row is judged
  // of the row under way
  std::uint64_t row_lines_ = 0;  // line ends inside of it
  std::vector<Field> row_;
  std::optional<Problem> problem_;
  const char* row_text_end_ = nullptr;  // before its line end
  bool ended_with_return_ = false;
  bool after_lone_return_ = false;  // the row before
  std::string unquoted_;            // a field whose doubled quotes are being taken out
};

}  // namespace slicemill
