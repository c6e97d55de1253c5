// What the options of file_reader mean: read by its slicer, its reader and its schema, so that the three cannot
// disagree.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/cell_types.h"
#include "core/formats/csv_reader.h"
#include "core/formats/csv_rows.h"
#include "core/formats/record_format.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

struct FileReading {
  std::string path;  // file, directory or glob
  RecordFormat format = RecordFormat::ldjson;
  std::optional<Compression> compression;  // nothing: by each file's first bytes and the ending of its name
  int zstd_window_log = kDefaultZstdWindowLog;
  std::int64_t size = 10'000'000;  // bytes per slice
  std::string line_delimiter = "\n";
  CsvDialect dialect{};
  bool names_delimiter = false;  // `field_delimiter` is given
  std::vector<std::string> fields;
  bool remove_header = true;
  bool ignore_empty = true;
  std::optional<CellRules> types{};  // of csv and tsv; nothing: all values are text
  std::optional<EmptyCell> empty{};  // nothing: as `ignore_empty` says
  bool file_per_slice = false;
  std::int64_t settle_ms = 2'000;        // persistent: a file is read once it has not changed for so long
  std::int64_t pipe_timeout_ms = 5'000;  // how long a pipe may be without its first writer
  bool raw_records = false;              // lines are passed on as they are

  // By the option, or by the name of the file and its first kContentBytes bytes. unsupported: see
  // compression_of_content().
  Result<Compression> compression_of(std::string_view file, std::string_view first_bytes) const {
    if (compression) return *compression;
    return compression_of_content(first_bytes, compression_of_name(file));
  }
  // Uncompressed files are read in ranges of bytes, whose records the reader finds.
  bool cuts_ranges() const { return !file_per_slice && is_line_based(format) && can_cut_at(line_delimiter); }
  // The slicer looks for the ends of rows in uncompressed files and cuts there.
  bool cuts_rows() const { return !file_per_slice && is_delimited(format); }
  // The types of some columns are to be found in the first rows.
  bool infers_types() const { return types && types->infers(); }
  // How a table is read, of which nothing is known but what the job says.
  CsvOptions csv() const {
    return {.dialect = dialect,
            .fields = fields,
            .remove_header = remove_header,
            .ignore_empty = ignore_empty,
            .empty = empty,
            .doubts_delimiter = !names_delimiter && fields.empty(),
            .types = types};
  }
};

// From normalised options; what is absent has its default. invalid: the message starts with the option's name.
Result<FileReading> file_reading(const Json& options);

}  // namespace slicemill
