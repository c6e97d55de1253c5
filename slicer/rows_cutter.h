// Cuts one csv or tsv file into parts that begin and end with a row, so that several workers can read it.
//
// request := those of file_slicer.h; behind the first part also "line":N, the line in which the part begins, and, if
// the names of the columns or a delimiter stand in the file, "header":TEXT, the file's beginning up to and with the row
// that names them.
//
// The file is read once from its beginning (some gigabytes a second): whether a line end is data depends on all quotes
// before it. If it changes meanwhile, its parts say what it was when it was discovered, and their reader refuses them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/formats/csv_rows.h"
#include "core/formats/file_reading.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// As a file was when it was discovered.
struct DiscoveredFile {
  std::string path;
  std::uint64_t total = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;

  // The members of a request that are the same for all of the file's slices.
  std::string fixed_members() const;
};

class RowsCutter {
 public:
  // Nothing: the file cannot be cut (it cannot be opened, or its header is too long or a bad one) and is one slice.
  static Result<std::optional<RowsCutter>> begin(Files& files, const FileReading& reading, DiscoveredFile file);
  // Goes on from a position. corrupt: it is none.
  static Result<RowsCutter> resume(Files& files, const FileReading& reading, const Json& position);

  bool is_over() const { return is_over_; }
  // The next part's request. Requires: !is_over().
  Result<std::string> next();
  // Behind the parts that were given, as members of a JSON object. Requires: !is_over().
  std::string position() const;
  // Bytes that the parts so far have, since the cutter was made.
  std::uint64_t scanned() const { return rows_.offset() - begin_; }

 private:
  RowsCutter(DiscoveredFile file, const FileReading& reading, std::uint64_t offset, std::uint64_t line);

  // False: there is nothing more to read.
  Result<bool> refill();

  DiscoveredFile file_;
  std::uint64_t size_;           // bytes of a part, at least
  std::uint64_t first_end_ = 0;  // the first part goes at least so far: it holds the header
  std::string header_;
  CsvRows rows_;
  std::uint64_t begin_;  // where this cutter began
  bool is_over_ = false;
  std::unique_ptr<ReadableFile> open_;  // null: it is not the file that was discovered
  std::unique_ptr<char[]> buffer_;
  std::string_view unread_;  // of the buffer
};

}  // namespace slicemill
