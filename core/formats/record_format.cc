#include "core/formats/record_format.h"

#include <fmt/format.h>

#include "core/runtime/ascii.h"

#include <algorithm>
#include <utility>

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

static bool ends_with_any_case(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() && is_same_word(text.substr(text.size() - ending.size()), ending);
}

Compression compression_of_name(std::string_view path) {
  constexpr std::pair<std::string_view, Compression> kEndings[] = {{".gz", Compression::gzip},
                                                                   {".gzip", Compression::gzip},
                                                                   {".zst", Compression::zstd},
                                                                   {".zstd", Compression::zstd},
                                                                   {".lz4", Compression::lz4}};
  for (const auto& [ending, compression] : kEndings) {
    if (ends_with_any_case(path, ending)) return compression;
  }
  return Compression::none;
}

std::string_view unsupported_ending(std::string_view path) {
  for (const std::string_view ending : {".bz2", ".xz", ".lzma", ".zip", ".7z", ".br", ".tgz"}) {
    if (ends_with_any_case(path, ending)) return ending;
  }
  return "";
}

Result<Compression> compression_of_content(std::string_view first_bytes, Compression by_name) {
  using namespace std::string_view_literals;
  constexpr std::pair<std::string_view, Compression> kReadable[] = {{"\x1F\x8B\x08"sv, Compression::gzip},
                                                                    {"\x28\xB5\x2F\xFD"sv, Compression::zstd},
                                                                    {"\x04\x22\x4D\x18"sv, Compression::lz4}};
  for (const auto& [magic, compression] : kReadable) {
    if (first_bytes.starts_with(magic)) return compression;
  }
  const bool is_bzip2 = first_bytes.size() > 4 && first_bytes.starts_with("BZh") &&
                        first_bytes.substr(4).starts_with("\x31\x41\x59\x26\x53\x59"sv);
  const std::string_view packing = is_bzip2                                                ? "bzip2"
                                   : first_bytes.starts_with("\xFD\x37\x7A\x58\x5A\x00"sv) ? "xz"
                                   : first_bytes.starts_with("\x50\x4B\x03\x04"sv)         ? "zip"
                                                                                           : "";
  if (!packing.empty()) {
    return Error(ErrorCode::unsupported,
                 fmt::format("the file is compressed with {}, which cannot be read: unpack it first, or compress it "
                             "with gzip, zstd or lz4 (`compression: none` takes the bytes as they are)",
                             packing),
                 false);
  }
  // A frame that tools put before the first one, the same for zstd and lz4.
  const bool is_skippable =
      first_bytes.size() >= 4 && (first_bytes[0] & 0xF0) == 0x50 && first_bytes.substr(1, 3) == "\x2A\x4D\x18"sv;
  return is_skippable && by_name == Compression::none ? Compression::zstd : by_name;
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
