#include "core/formats/csv_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "core/formats/byte_scan.h"
#include "core/formats/json_scan.h"

namespace slicemill {

CsvReader::CsvReader(CsvOptions options)
    : options_(std::move(options)),
      header_pending_(options_.fields.empty() || options_.remove_header),
      line_(options_.first_line) {
  if (line_ > 1) {
    at_start_ = false;
    if (options_.header.empty()) header_pending_ = false;
  }
  for (const std::string& name : options_.fields) {
    names_.push_back(json_quoted(name) + ":");
    names_bytes_ += names_.back().size();
  }
}

Error CsvReader::broken(std::uint64_t line, std::string_view problem) const {
  return Error(ErrorCode::invalid, fmt::format("line {}: {}", line, problem), false);
}

// p is behind the opening quote.
Result<CsvReader::Row> CsvReader::parse_quoted(const char*& p, const char* end, bool last) {
  const char* begin = p;
  const std::uint64_t begin_line = line_ + row_lines_;
  bool doubled = false;
  for (;;) {
    const char* quote = find_any_of(p, end, '"', '"', '\n');
    if (quote < end && *quote == '\n') {
      ++row_lines_;
      p = quote + 1;
      continue;
    }
    if (quote == end || (quote + 1 == end && !last)) {
      if (!last) return Row::incomplete;
      return broken(begin_line, "a quoted field begins here and is never closed");
    }
    if (quote + 1 < end && quote[1] == '"') {
      doubled = true;
      p = quote + 2;
      continue;
    }
    row_.push_back({begin, static_cast<std::size_t>(quote - begin), doubled});
    p = quote + 1;
    return Row::complete;
  }
}

void CsvReader::parse_plain(const char*& p, const char* end) {
  const char* stop = find_any_of(p, end, options_.delimiter, '\n', '\n');
  auto size = static_cast<std::size_t>(stop - p);
  const bool ends_row = stop == end || *stop == '\n';
  if (ends_row && size > 0 && p[size - 1] == '\r') --size;
  row_.push_back({p, size, false});
  p = stop;
}

// Leaves p behind the row's end. incomplete: the row goes on behind `end`.
Result<CsvReader::Row> CsvReader::parse_row(const char*& p, const char* end, bool last) {
  row_.clear();
  row_lines_ = 0;
  for (;;) {
    if (p < end && *p == '"') {
      ++p;
      ASSIGN_OR_RETURN(const Row row, parse_quoted(p, end, last));
      if (row == Row::incomplete) return row;
      if (end - p >= 2 && p[0] == '\r' && p[1] == '\n') ++p;
      if (end - p == 1 && *p == '\r') {
        if (!last) return Row::incomplete;
        ++p;
      }
    } else {
      parse_plain(p, end);
    }
    if (p == end) return last ? Row::complete : Row::incomplete;
    if (*p == '\n') {
      ++p;
      ++row_lines_;
      return Row::complete;
    }
    if (*p != options_.delimiter) return broken(line_ + row_lines_, "text behind the closing quote of a field");
    ++p;
  }
}

std::string_view CsvReader::value(const Field& field) {
  if (!field.has_doubled_quotes) return {field.begin, field.size};
  unquoted_.clear();
  for (std::size_t i = 0; i < field.size; ++i) {
    unquoted_.push_back(field.begin[i]);
    if (field.begin[i] == '"') ++i;
  }
  const std::size_t size = unquoted_.size();
  unquoted_.append(kScanPadding, '\0');
  return {unquoted_.data(), size};
}

Result<void> CsvReader::take_header() {
  header_pending_ = false;
  if (!options_.fields.empty()) return {};
  std::unordered_set<std::string> seen;
  for (const Field& field : row_) {
    std::string name(value(field));
    if (!is_utf8(name)) return broken(line_, fmt::format("column name {} is not UTF-8", names_.size() + 1));
    if (!seen.insert(name).second) return broken(line_, fmt::format("two columns have the name \"{}\"", name));
    names_.push_back(json_quoted(name) + ":");
    names_bytes_ += names_.back().size();
  }
  return {};
}

void CsvReader::write_record(RecordText& out) {
  std::size_t limit = names_bytes_ + 2;
  for (const Field& field : row_) limit += json_escaped_limit(field.size) + 3;
  char* p = out.reserve(limit);
  *p++ = '{';
  for (std::size_t i = 0; i < row_.size(); ++i) {
    const std::string_view text = value(row_[i]);
    if (text.empty() && options_.ignore_empty) continue;
    const std::string& name = names_[i];
    std::memcpy(p, name.data(), name.size());
    p += name.size();
    *p++ = '"';
    p = write_json_escaped(p, text);
    *p++ = '"';
    *p++ = ',';
  }
  if (p[-1] == ',') --p;
  *p++ = '}';
  out.advance(p);
  out.end_record();
}

Result<void> CsvReader::take_row(RecordText& out) {
  const bool is_blank = row_.size() == 1 && row_[0].size == 0;
  if (is_blank && options_.ignore_empty) return {};
  if (header_pending_) return take_header();
  if (row_.size() != names_.size()) {
    return broken(line_, fmt::format("{} fields where there are {} columns", row_.size(), names_.size()));
  }
  write_record(out);
  return {};
}

// The same as if it stood before what is read, in the file's first line.
Result<void> CsvReader::take_given_header(RecordText& out) {
  std::string padded = std::exchange(options_.header, {});
  const std::size_t size = padded.size();
  padded.append(kScanPadding, '\0');
  const std::uint64_t line = std::exchange(line_, 1);
  at_start_ = true;
  RETURN_IF_ERROR(read({padded.data(), size}, true, out));
  line_ = line;
  return {};
}

Result<std::size_t> CsvReader::read(std::string_view data, bool last, RecordText& out) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (!options_.header.empty()) RETURN_IF_ERROR(take_given_header(out));
  const char* p = data.data();
  const char* end = p + data.size();
  if (at_start_) {
    if (data.size() < kByteOrderMark.size() && !last) return std::size_t{0};
    if (data.starts_with(kByteOrderMark)) p += kByteOrderMark.size();
    at_start_ = false;
  }
  while (p < end) {
    const char* row_begin = p;
    ASSIGN_OR_RETURN(const Row row, parse_row(p, end, last));
    if (row == Row::incomplete) {
      p = row_begin;
      break;
    }
    if (!is_utf8({row_begin, static_cast<std::size_t>(p - row_begin)})) return broken(line_, "row is not UTF-8");
    RETURN_IF_ERROR(take_row(out));
    line_ += row_lines_;
  }
  return static_cast<std::size_t>(p - data.data());
}

}  // namespace slicemill
