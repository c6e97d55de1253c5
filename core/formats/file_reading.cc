#include "core/formats/file_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace slicemill {

namespace {

constexpr const char* kEncoding = "encoding";  // of every operation: core/model/job_spec.h

Error option_error(std::string_view option, std::string_view problem) {
  return Error(ErrorCode::invalid, fmt::format("{}: {}", option, problem), false);
}

template <typename Value>
Value option(const Json& options, const char* name, Value otherwise) {
  const auto found = options.find(name);
  return found == options.end() || found->is_null() ? otherwise : found->get<Value>();
}

// Absent: the double quote; null and "" turn quotes off.
Result<std::optional<char>> quote_option(const Json& options) {
  const auto found = options.find("quote");
  if (found == options.end()) return std::optional<char>('"');
  if (found->is_null()) return std::optional<char>();
  const std::string text = found->is_string() ? found->get<std::string>() : "not text";
  if (text.empty()) return std::optional<char>();
  if (text.size() != 1 || text == "\n" || text == "\r" || text[0] == '\0') {
    return option_error("quote", "must be one character and no line end; \"\" or null turns quotes off");
  }
  return std::optional<char>(text[0]);
}

Result<std::optional<EmptyCell>> empty_option(const Json& options, bool has_types) {
  const auto word = option<std::string>(options, "empty", "");
  if (word.empty()) return has_types ? std::optional(EmptyCell::null) : std::nullopt;
  if (word == "omit") return std::optional(EmptyCell::omit);
  if (word == "null") return std::optional(EmptyCell::null);
  if (word == "text") return std::optional(EmptyCell::text);
  return option_error("empty", "must be omit, null or text");
}

Result<void> check_types(const FileReading& reading) {
  if (!is_delimited(reading.format)) {
    if (reading.types) return option_error("types", "is for csv and tsv: other formats say the types of values");
    if (reading.empty) return option_error("empty", "is for csv and tsv");
    return {};
  }
  if (!reading.types || reading.fields.empty()) return {};
  for (const auto& [name, chosen] : reading.types->columns) {
    if (std::find(reading.fields.begin(), reading.fields.end(), name) == reading.fields.end())
      return option_error("types", fmt::format("\"{}\" is not among `fields`", name));
  }
  return {};
}

Result<void> check(const FileReading& reading, const std::string& field_delimiter) {
  const std::string_view format = to_string(reading.format);
  if (reading.path.empty()) return option_error("path", "is needed: a file, a directory or a glob");
  if (reading.size < 1) return option_error("size", "must be at least one byte");
  if (reading.line_delimiter.empty()) return option_error("line_delimiter", "must not be empty");
  const std::string& delimiter = field_delimiter;
  if (is_delimited(reading.format) && (delimiter.size() != 1 || delimiter[0] == reading.dialect.quote ||
                                       delimiter == "\n" || delimiter == "\r" || delimiter[0] == '\0')) {
    return option_error("field_delimiter", "must be one character, and neither a quote nor a line end");
  }
  if (!is_line_based(reading.format) && reading.line_delimiter != "\n" && reading.line_delimiter != "\r\n") {
    return option_error("line_delimiter", fmt::format("must be \"\\n\" or \"\\r\\n\" for format {}", format));
  }
  std::unordered_set<std::string_view> seen;
  for (const std::string& field : reading.fields) {
    if (!seen.insert(field).second) return option_error("fields", fmt::format("\"{}\" is named twice", field));
  }
  if (reading.raw_records && !is_line_based(reading.format)) {
    return option_error(kEncoding, fmt::format("raw records cannot be read from format {}", format));
  }
  return check_types(reading);
}

}  // namespace

Result<FileReading> file_reading(const Json& options) {
  FileReading reading;
  std::string field_delimiter;
  try {
    reading.path = option<std::string>(options, "path", "");
    ASSIGN_OR_RETURN(reading.format, record_format_from(option<std::string>(options, "format", "ldjson")));
    if (const auto word = option<std::string>(options, "compression", ""); !word.empty()) {
      ASSIGN_OR_RETURN(reading.compression, compression_from(word));
    }
    reading.zstd_window_log = option<int>(options, "zstd_window_log", reading.zstd_window_log);
    reading.size = option<std::int64_t>(options, "size", reading.size);
    reading.line_delimiter = option<std::string>(options, "line_delimiter", "\n");
    field_delimiter = option<std::string>(options, "field_delimiter", "");
    reading.names_delimiter = !field_delimiter.empty();
    if (field_delimiter.empty()) field_delimiter.push_back(reading.format == RecordFormat::tsv ? '\t' : ',');
    reading.dialect.delimiter = field_delimiter[0];
    ASSIGN_OR_RETURN(reading.dialect.quote, quote_option(options));
    reading.fields = option<std::vector<std::string>>(options, "fields", {});
    reading.remove_header = option<bool>(options, "remove_header", true);
    reading.ignore_empty = option<bool>(options, "ignore_empty", true);
    ASSIGN_OR_RETURN(reading.types, cell_rules(options));
    ASSIGN_OR_RETURN(reading.empty, empty_option(options, reading.types.has_value()));
    reading.file_per_slice = option<bool>(options, "file_per_slice", false);
    reading.settle_ms = option<std::int64_t>(options, "settle", reading.settle_ms);
    reading.pipe_timeout_ms = option<std::int64_t>(options, "pipe_timeout", reading.pipe_timeout_ms);
    reading.raw_records = option<std::string>(options, kEncoding, "json") == "raw";
  } catch (const nlohmann::json::exception& wrong) {
    return Error(ErrorCode::invalid, fmt::format("file_reader options: {}", wrong.what()), false);
  }
  RETURN_IF_ERROR(check(reading, field_delimiter));
  return reading;
}

}  // namespace slicemill
