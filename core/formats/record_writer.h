// Puts records into the text of a file. One writer per file (or part of a joined file); one thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/record_format.h"
#include "core/runtime/result.h"

namespace slicemill {

struct RecordWriterOptions {
  RecordFormat format = RecordFormat::ldjson;
  // Paths (core/formats/field_path.h): columns of csv and tsv; what passes in ldjson and json, at its place. Empty:
  // every member; for csv and tsv those of the first record and of the source (expect_columns), and a record with any
  // other is an error.
  std::vector<std::string> fields;
  // Without `fields`, once, before the first row of csv and tsv: gets the columns that the writer would take, gives
  // those that it takes. Null: takes its own.
  std::function<Result<std::vector<std::string>>(std::vector<std::string>)> settle_columns;
  std::string line_delimiter = "\n";
  char field_delimiter = ',';
  bool include_header = false;
  bool raw_records = false;  // records are bytes, not JSON
  // The text is one part of a joined file: what stands before, between and behind the parts is in file_frame().
  bool is_part = false;
};

class RecordWriter {
 public:
  virtual ~RecordWriter() = default;
  // Appends the records' text to out. Each needs 64 readable bytes behind it. invalid: a record does not fit the
  // format; the message says which (counted from 1) and why.
  virtual Result<void> append(std::span<const std::string_view> records, std::string& out) = 0;
  // The source of the next records has these columns, some of which may be in no record. invalid: one of them is not
  // among the columns that are settled.
  virtual Result<void> expect_columns(const std::vector<std::string>&) { return {}; }
  // Ends the file. Only after at least one record.
  virtual void finish(std::string& out) = 0;

  // By field of `fields`: some record had it. Empty if nothing is chosen.
  virtual const std::vector<bool>& found_fields() const;
  // Halves of surrogate pairs were in texts that are written as characters, and U+FFFD stands in their place.
  virtual bool has_replaced_characters() const { return false; }
};

std::unique_ptr<RecordWriter> make_record_writer(RecordWriterOptions options);

// What a joined file has around its parts.
struct FileFrame {
  std::string prologue, separator, epilogue;
};
FileFrame file_frame(const RecordWriterOptions& options);

// The columns of csv and tsv that paths name, in order.
std::vector<std::string> column_names(const std::vector<std::string>& fields);

// The header row of csv and tsv with the columns of `fields`, with its line end.
std::string csv_header(const RecordWriterOptions& options);

}  // namespace slicemill
