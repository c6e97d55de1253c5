// The formats and compressions that file operations know: their words in options, and the endings of file names that
// stand for them.
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

enum class RecordFormat { ldjson, raw, json, csv, tsv };
enum class Compression { none, gzip, zstd, lz4 };

// Windows of zstd frames, as powers of two: `zstd --long=N` packs with 2^N.
constexpr int kDefaultZstdWindowLog = 29;
constexpr int kLargestZstdWindowLog = 31;

std::string_view to_string(RecordFormat format);
std::string_view to_string(Compression compression);

// invalid: the text is not one of the words above.
Result<RecordFormat> record_format_from(std::string_view word);
Result<Compression> compression_from(std::string_view word);

// By the ending of the name, in any case: .gz and .gzip, .zst and .zstd, .lz4; none for everything else.
Compression compression_of_name(std::string_view path);
// The name ends like those of a packing that cannot be written here: that ending, "" otherwise.
std::string_view unsupported_ending(std::string_view path);

// What a file is compressed with, by its first kContentBytes bytes (or all of fewer): the name counts only where they
// say nothing. unsupported: they are those of a packing that cannot be read; the message names it.
constexpr std::size_t kContentBytes = 10;
Result<Compression> compression_of_content(std::string_view first_bytes, Compression by_name);

// "ldjson", "txt" (raw), "csv.gz", ...
std::string default_extension(RecordFormat format, Compression compression);

inline bool is_delimited(RecordFormat format) {
  return format == RecordFormat::csv || format == RecordFormat::tsv;
}
// One record a line, so that a file can be read from the middle.
inline bool is_line_based(RecordFormat format) {
  return format == RecordFormat::ldjson || format == RecordFormat::raw;
}

// No part of the delimiter is both its beginning and its end, so two occurrences never overlap and every one that is
// found from any place in a file is a true one. Only then may a file be cut into ranges.
bool can_cut_at(std::string_view line_delimiter);

}  // namespace slicemill
