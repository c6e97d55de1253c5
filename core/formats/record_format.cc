#include "core/formats/record_format.h"

#include <fmt/format.h>

namespace slicemill {

std::string_view to_string(RecordFormat format) {
  switch (format) {
    case RecordFormat::ldjson:
      return "ldjson";
    case RecordFormat::raw:
      return "raw";
    case RecordFormat::json:
      return "json";
    case RecordFormat::csv:
      return "csv";
    case RecordFormat::tsv:
      return "tsv";
  }
  return "?";
}

std::string_view to_string(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
    case Compression::lz4:
      return "lz4";
  }
  return "?";
}

Result<RecordFormat> record_format_from(std::string_view word) {
  for (auto format :
       {RecordFormat::ldjson, RecordFormat::raw, RecordFormat::json, RecordFormat::csv, RecordFormat::tsv}) {
    if (word == to_string(format)) return format;
  }
  return Error(ErrorCode::invalid, fmt::format("format: \"{}\" is not one of ldjson, raw, json, csv, tsv", word),
               false);
}

Result<Compression> compression_from(std::string_view word) {
  for (auto compression : {Compression::none, Compression::gzip, Compression::zstd, Compression::lz4}) {
    if (word == to_string(compression)) return compression;
  }
  return Error(ErrorCode::invalid, fmt::format("compression: \"{}\" is not one of none, gzip, zstd, lz4", word), false);
}

static std::string_view ending(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "";
    case Compression::gzip:
      return ".gz";
    case Compression::zstd:
      return ".zst";
    case Compression::lz4:
      return ".lz4";
  }
  return "";
}

Compression compression_of_name(std::string_view path) {
  for (auto compression : {Compression::gzip, Compression::zstd, Compression::lz4}) {
    if (path.ends_with(ending(compression))) return compression;
  }
  return Compression::none;
}

std::string default_extension(RecordFormat format, Compression compression) {
  std::string extension(format == RecordFormat::raw ? "txt" : to_string(format));
  return extension.append(ending(compression));
}

bool can_cut_at(std::string_view line_delimiter) {
  if (line_delimiter.empty()) return false;
  for (std::size_t border = 1; border < line_delimiter.size(); ++border) {
    if (line_delimiter.substr(0, border) == line_delimiter.substr(line_delimiter.size() - border)) return false;
  }
  return true;
}

}  // namespace slicemill
