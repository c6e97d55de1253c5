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
  std::uint64_t device = 0;
  std::optional<std::uint64_t> print{};  // of its `total` bytes (core/formats/file_print.h); nothing: it was not taken
  std::string types{};                   // TYPES of slicer/inferred_columns.h; "": none are inferred

  // The members of a request that are the same for all of the file's slices.
  std::string fixed_members() const;
};

class RowsCutter {
 public:
  // Nothing: the file cannot be cut (it cannot be opened, or its header is too long or a bad one) and is one slice.
  static Result<std::optional<RowsCutter>> begin(Files& files, const FileReading& reading, DiscoveredFile file);
  // Of a file that may still grow: goes on with the row that begins at this byte in this line (0 and 1: the file's
  // beginning) and gives complete rows only; what is behind the last one waits. Nothing: as above, or no row is
  // complete yet, not even the header (may_be_cut_later).
  static Result<std::optional<RowsCutter>> follow(Files& files, const FileReading& reading, DiscoveredFile file,
                                                  std::uint64_t offset, std::uint64_t line, bool& may_be_cut_later);
  // Goes on from a position. corrupt: it is none.
  static Result<RowsCutter> resume(Files& files, const FileReading& reading, const Json& position);

  bool is_over() const { return is_over_; }
  // The next part's request; "" if no complete row is left of a file that may still grow. Requires: !is_over().
  Result<std::string> next();
  // Behind the parts that were given, as members of a JSON object. Requires: !is_over().
  std::string position() const;
  // Behind the last part, once it is over.
  std::uint64_t offset() const { return rows_.offset(); }
  std::uint64_t line() const { return rows_.line(); }
  const DiscoveredFile& file() const { return file_; }
  bool is_following() const { return is_following_; }
  // Bytes that the parts so far have, since the cutter was made.
  std::uint64_t scanned() const { return rows_.offset() - begin_; }

 private:
  RowsCutter(DiscoveredFile file, const FileReading& reading, std::uint64_t offset, std::uint64_t line);

  // False: there is nothing more to read.
  Result<bool> refill();
  // Up to the end of the last complete row within the next bytes; they are all that is left, or hold no cut.
  Result<std::uint64_t> find_last_end();
  std::string request(std::uint64_t begin, std::uint64_t line, std::uint64_t end) const;

  DiscoveredFile file_;
  std::uint64_t size_;           // bytes of a part, at least
  std::uint64_t first_end_ = 0;  // the first part goes at least so far: it holds the header
  std::string header_;
  CsvRows rows_;
  std::uint64_t begin_;  // where this cutter began
  bool is_over_ = false;
  bool is_following_ = false;
  CsvDialect dialect_;                  // the file's own
  std::unique_ptr<ReadableFile> open_;  // null: it is not the file that was discovered
  std::unique_ptr<char[]> buffer_;
  std::string_view unread_;  // of the buffer
};

}  // namespace slicemill
