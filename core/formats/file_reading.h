// What the options of file_reader mean: read by its slicer, its reader and its schema, so that the three cannot
// disagree.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/record_format.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

struct FileReading {
  std::string path;  // file, directory or glob
  RecordFormat format = RecordFormat::ldjson;
  std::optional<Compression> compression;  // nothing: by the ending of each file's name
  std::int64_t size = 10'000'000;          // bytes per slice
  std::string line_delimiter = "\n";
  char field_delimiter = ',';
  std::vector<std::string> fields;
  bool remove_header = true;
  bool ignore_empty = true;
  bool file_per_slice = false;
  std::int64_t settle_ms = 2'000;        // persistent: a file is read once it has not changed for so long
  std::int64_t pipe_timeout_ms = 5'000;  // how long a pipe may be without its first writer
  bool raw_records = false;              // `_encoding: raw`: lines are passed on as they are

  Compression compression_of(std::string_view file) const {
    return compression ? *compression : compression_of_name(file);
  }
  // The file is read in ranges of bytes, whose records the reader finds; otherwise it is one slice, or is cut by rows.
  bool is_cut(std::string_view file) const {
    return is_line_based(format) && may_be_cut(file) && can_cut_at(line_delimiter);
  }
  // The slicer looks for the ends of rows and cuts there.
  bool is_cut_by_rows(std::string_view file) const { return is_delimited(format) && may_be_cut(file); }

 private:
  bool may_be_cut(std::string_view file) const { return !file_per_slice && compression_of(file) == Compression::none; }
};

// From normalised options; what is absent has its default. invalid: the message starts with the option's name.
Result<FileReading> file_reading(const Json& options);

}  // namespace slicemill
