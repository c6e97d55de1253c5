#include "core/formats/csv_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "core/formats/byte_scan.h"
#include "core/formats/json_scan.h"
#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill {

namespace {

constexpr std::string_view kCsvByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kUsualDelimiters = ";\t|,";

// Occurrences outside of quotes.
std::size_t count_unquoted(std::string_view text, char wanted, std::optional<char> quote) {
  std::size_t count = 0;
  bool is_quoted = false;
  for (const char c : text) {
    if (c == quote) is_quoted = !is_quoted;
    if (c == wanted && !is_quoted) ++count;
  }
  return count;
}

std::string shown(char delimiter) {
  return delimiter == '\t' ? "a tab" : fmt::format("\"{}\"", delimiter);
}

// A header that was written by hand may differ in case and in blanks around the names.
std::string plain_name(std::string_view name) {
  return lower(trimmed(name));
}

}  // namespace

CsvReader::CsvReader(CsvOptions options)
    : options_(std::move(options)),
      delimiter_(options_.dialect.delimiter),
      empty_(options_.empty.value_or(options_.ignore_empty ? EmptyCell::omit : EmptyCell::text)),
      header_pending_((options_.fields.empty() || options_.remove_header) &&
                      (!options_.is_part || !options_.header.empty())),
      at_start_(!options_.is_part),
      line_(options_.first_line),
      first_byte_(options_.first_byte) {
  for (const std::string& name : options_.fields) add_column(name);
}

void CsvReader::add_column(std::string name) {
  names_.push_back(json_quoted(name) + ":");
  names_bytes_ += names_.back().size();
  if (options_.types) rules_.push_back(options_.types->rule(name, options_.inferred_types));
  columns_.push_back(std::move(name));
}

void CsvReader::note_problem(const char* at, std::size_t column, std::uint64_t line, std::string text) {
  if (!problem_) problem_ = Problem{at, column, line, std::move(text)};
}

Error CsvReader::error_of(const Problem& problem) const {
  return Error(ErrorCode::invalid,
               fmt::format("line {}, column {}, byte {}: {}", problem.line, problem.column + 1, byte_of(problem.at),
                           problem.text),
               false);
}

// p is behind the opening quote.
CsvReader::Row CsvReader::parse_quoted(const char*& p, const char* end, bool last) {
  const char quote = *options_.dialect.quote;
  const char* begin = p;
  const std::uint64_t begin_line = line_ + row_lines_;
  bool doubled = false;
  for (;;) {
    const char* found = find_any_of(p, end, quote, '\n', '\r');
    const bool is_at_end = found == end || found + 1 == end;
    if (is_at_end && !last && (found == end || *found != '\n')) return Row::incomplete;
    if (found == end) {
      note_problem(begin - 1, row_.size(), begin_line,
                   fmt::format("a quoted field begins here and is never closed, up to the end of the file in line {}",
                               line_ + row_lines_));
      row_.push_back({begin, static_cast<std::size_t>(end - begin), true, doubled});
      p = end;
      return Row::complete;
    }
    if (*found == quote && !is_at_end && found[1] == quote) {
      doubled = true;
      p = found + 2;
    } else if (*found == quote) {
      row_.push_back({begin, static_cast<std::size_t>(found - begin), true, doubled});
      p = found + 1;
      return Row::complete;
    } else {
      // A carriage return and the line feed behind it are one line end.
      if (*found == '\n' || is_at_end || found[1] != '\n') ++row_lines_;
      p = found + 1;
    }
  }
}

void CsvReader::parse_plain(const char*& p, const char* end) {
  const char* stop = find_any_of(p, end, delimiter_, '\n', '\r');
  row_.push_back({p, static_cast<std::size_t>(stop - p), false, false});
  p = stop;
}

// p is at a line end.
CsvReader::Row CsvReader::end_row(const char*& p, const char* end, bool last) {
  row_text_end_ = p;
  ended_with_return_ = false;
  if (*p == '\r') {
    if (p + 1 == end && !last) return Row::incomplete;
    ++p;
    ended_with_return_ = p == end || *p != '\n';
  }
  if (!ended_with_return_) ++p;
  ++row_lines_;
  return Row::complete;
}

// Leaves p behind the row's end. incomplete: the row goes on behind `end`.
CsvReader::Row CsvReader::parse_row(const char*& p, const char* end, bool last) {
  row_.clear();
  row_lines_ = 0;
  problem_.reset();
  for (;;) {
    if (p < end && *p == options_.dialect.quote) {
      ++p;
      if (parse_quoted(p, end, last) == Row::incomplete) return Row::incomplete;
      if (p < end && *p != delimiter_ && *p != '\n' && *p != '\r') {
        note_problem(p, row_.size() - 1, line_ + row_lines_, "text behind the closing quote of a field");
        p = find_any_of(p, end, delimiter_, '\n', '\r');
      }
    } else {
      parse_plain(p, end);
    }
    if (p == end) {
      row_text_end_ = p;
      ended_with_return_ = false;
      return last ? Row::complete : Row::incomplete;
    }
    if (*p != delimiter_) return end_row(p, end, last);
    ++p;
  }
}

std::string_view CsvReader::value(const Field& field) {
  if (!field.has_doubled_quotes) return {field.begin, field.size};
  const char quote = *options_.dialect.quote;
  unquoted_.clear();
  for (std::size_t i = 0; i < field.size; ++i) {
    unquoted_.push_back(field.begin[i]);
    if (field.begin[i] == quote) ++i;
  }
  const std::size_t size = unquoted_.size();
  unquoted_.append(kScanPadding, '\0');
  return {unquoted_.data(), size};
}

std::string CsvReader::delimiter_hint(std::string_view text) const {
  for (const char other : kUsualDelimiters) {
    if (other != delimiter_ && count_unquoted(text, other, options_.dialect.quote) > 0) {
      return fmt::format(" (the row holds {}: is that its `field_delimiter`?)", shown(other));
    }
  }
  return {};
}

// Notes why no record can be made of the row.
void CsvReader::check_row(std::string_view text) {
  if (problem_) return;
  if (!is_utf8(text)) {
    const auto bad = std::find_if(row_.begin(), row_.end(), [](const Field& field) {
      return !is_utf8({field.begin, field.size});
    });
    const auto column = static_cast<std::size_t>(bad - row_.begin());
    note_problem(bad == row_.end() ? text.data() : bad->begin, column, line_, "not UTF-8");
  } else if (!header_pending_ && row_.size() != names_.size()) {
    const std::size_t column = std::min(row_.size(), names_.size());
    note_problem(column < row_.size() ? row_[column].begin : row_text_end_, column, line_,
                 fmt::format("{} field{} where there {} {} column{}{}", row_.size(), row_.size() == 1 ? "" : "s",
                             names_.size() == 1 ? "is" : "are", names_.size(), names_.size() == 1 ? "" : "s",
                             std::min(row_.size(), names_.size()) == 1 ? delimiter_hint(text) : ""));
  }
}

Result<void> CsvReader::take_header(std::string_view text) {
  header_pending_ = false;
  std::unordered_set<std::string> seen;
  for (const Field& field : row_) {
    std::string name(value(field));
    if (!seen.insert(name).second) {
      return error_of({field.begin, columns_.size(), line_, fmt::format("two columns have the name \"{}\"", name)});
    }
    add_column(std::move(name));
  }
  RETURN_IF_ERROR(check_typed_columns(text));
  if (!options_.doubts_delimiter || columns_.size() > 1) return {};
  for (const char other : kUsualDelimiters) {
    const std::size_t count = other == delimiter_ ? 0 : count_unquoted(text, other, options_.dialect.quote);
    if (count > 0) suspects_.push_back({other, count});
  }
  return {};
}

// A type for a column that is not there would be one that nothing has.
Result<void> CsvReader::check_typed_columns(std::string_view text) const {
  if (!options_.types) return {};
  for (const auto& [name, chosen] : options_.types->columns) {
    if (std::find(columns_.begin(), columns_.end(), name) != columns_.end()) continue;
    const auto near = nearest_word(name, columns_);
    return error_of({text.data(), 0, line_,
                     fmt::format("`types` names a column \"{}\" that the header does not have{}", name,
                                 near ? fmt::format(" (did you mean \"{}\"?)", *near) : "")});
  }
  return {};
}

// A table of one column whose header and first row hold the same number of another delimiter is read by the wrong one.
Result<void> CsvReader::judge_delimiter(std::string_view text) {
  for (const Suspect& suspect : std::exchange(suspects_, {})) {
    const std::size_t count = count_unquoted(text, suspect.delimiter, options_.dialect.quote);
    if (count == 0 || (row_.size() == 1 && count != suspect.count)) continue;
    return error_of({text.data(), 0, line_,
                     fmt::format("header and row are one column for the delimiter {}, and both hold {}: name the "
                                 "delimiter with `field_delimiter`",
                                 shown(delimiter_), shown(suspect.delimiter))});
  }
  return {};
}

Result<bool> CsvReader::is_header_of_fields() {
  if (row_.size() != options_.fields.size()) return false;
  std::vector<std::string> found;
  std::vector<std::string> wanted;
  for (std::size_t i = 0; i < row_.size(); ++i) {
    found.push_back(plain_name(value(row_[i])));
    wanted.push_back(plain_name(options_.fields[i]));
  }
  if (found == wanted) return true;
  std::sort(found.begin(), found.end());
  std::sort(wanted.begin(), wanted.end());
  if (found != wanted) return false;
  return error_of({row_[0].begin, 0, line_, "the header has the names of `fields` in another order"});
}

void CsvReader::write_record(RecordText& out) {
  std::size_t limit = names_bytes_ + 2;
  for (const Field& field : row_) limit += json_escaped_limit(field.size) + 3;
  char* p = out.reserve(limit);
  *p++ = '{';
  for (std::size_t i = 0; i < row_.size(); ++i) {
    const std::string_view text = value(row_[i]);
    if (text.empty() && empty_ != EmptyCell::text) {
      if (empty_ == EmptyCell::null) p = write_empty(p, i);
      continue;
    }
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

char* CsvReader::write_empty(char* p, std::size_t column) const {
  constexpr std::string_view kNull = "null,";
  const std::string& name = names_[column];
  std::memcpy(p, name.data(), name.size());
  std::memcpy(p + name.size(), kNull.data(), kNull.size());
  return p + name.size() + kNull.size();
}

bool CsvReader::write_typed_record(RecordText& out) {
  std::size_t limit = names_bytes_ + 2;
  for (const Field& field : row_) limit += json_escaped_limit(field.size) + kCellGrowth;
  char* p = out.reserve(limit);
  *p++ = '{';
  for (std::size_t i = 0; i < row_.size(); ++i) {
    const std::string_view text = value(row_[i]);
    const ColumnRule& rule = rules_[i];
    const bool is_text = rule.type == CellType::text;
    if (is_text ? text.empty() && empty_ != EmptyCell::text : trimmed_cell(text).empty()) {
      if (empty_ != EmptyCell::omit) p = write_empty(p, i);
      continue;
    }
    const std::string& name = names_[i];
    std::memcpy(p, name.data(), name.size());
    p += name.size();
    if (is_text) {
      *p++ = '"';
      p = write_json_escaped(p, text);
      *p++ = '"';
    } else {
      p = write_cell(rule, options_.types->numbers, text, p);
      if (p == nullptr) {
        note_misfit(row_[i], i, text);
        return false;
      }
    }
    *p++ = ',';
  }
  if (p[-1] == ',') --p;
  *p++ = '}';
  out.advance(p);
  out.end_record();
  return true;
}

void CsvReader::note_misfit(const Field& field, std::size_t column, std::string_view text) {
  const ColumnRule& rule = rules_[column];
  const std::string& name = columns_[column];
  const std::string problem = cell_problem(rule, options_.types->numbers, text);
  note_problem(field.begin, column, line_,
               rule.is_inferred ? fmt::format("{} {}, which was inferred for the column \"{}\" from the first rows; "
                                              "`types: {{\"*\": infer, {}: text}}` says otherwise",
                                              json_quoted(text_head(text)), problem, name, json_quoted(name))
                                : fmt::format("{} {}, which `types` says of the column \"{}\"",
                                              json_quoted(text_head(text)), problem, name));
}

// text: the row without its line end.
Result<void> CsvReader::take_row(std::string_view text, RecordText& out, const OnBadRow& on_bad_row) {
  const bool is_blank = row_.size() == 1 && row_[0].size == 0 && !row_[0].is_quoted;
  if (is_blank && (options_.ignore_empty || header_pending_)) return {};
  check_row(text);
  if (header_pending_) {
    if (options_.fields.empty()) {
      if (problem_) return error_of(*problem_);
      return take_header(text);
    }
    header_pending_ = false;
    ASSIGN_OR_RETURN(const bool is_header, is_header_of_fields());
    if (is_header) return {};
    check_row(text);
  }
  if (!suspects_.empty()) RETURN_IF_ERROR(judge_delimiter(text));
  if (!problem_) {
    if (options_.on_value) {
      for (std::size_t i = 0; i < row_.size(); ++i) options_.on_value(i, value(row_[i]));
      return {};
    }
    if (rules_.empty()) {
      write_record(out);
      return {};
    }
    if (write_typed_record(out)) return {};
  }
  const Error error = error_of(*problem_);
  if (!on_bad_row) return error;
  return on_bad_row({text, byte_of(text.data()), line_, error});
}

// The same as if it stood before what is read.
Result<void> CsvReader::take_given_header(RecordText& out) {
  std::string padded = std::exchange(options_.header, {});
  const std::size_t size = padded.size();
  padded.append(kScanPadding, '\0');
  const std::uint64_t line = std::exchange(line_, 1);
  const std::uint64_t byte = std::exchange(first_byte_, 0);
  at_start_ = true;
  RETURN_IF_ERROR(read({padded.data(), size}, true, out));
  line_ = line;
  first_byte_ = byte;
  header_pending_ = false;
  after_lone_return_ = false;
  suspects_.clear();  // the file's first part judges its first row
  return {};
}

// The byte order mark and the separator line.
std::size_t CsvReader::skip_beginning(std::string_view data) {
  at_start_ = false;
  if (const auto separator = separator_line(data, options_.dialect)) {
    delimiter_ = separator->delimiter;
    options_.doubts_delimiter = false;
    after_lone_return_ = data[separator->size - 1] == '\r';
    ++line_;
    return separator->size;
  }
  return data.starts_with(kCsvByteOrderMark) ? kCsvByteOrderMark.size() : 0;
}

Result<std::size_t> CsvReader::read(std::string_view data, bool last, RecordText& out, const OnBadRow& on_bad_row) {
  if (!options_.header.empty()) RETURN_IF_ERROR(take_given_header(out));
  data_ = data.data();
  const char* p = data.data();
  const char* end = p + data.size();
  if (at_start_) {
    if (data.size() < kSeparatorLineBytes && !last) return std::size_t{0};
    p += skip_beginning(data);
  }
  while (p < end) {
    const char* row_begin = p;
    if (parse_row(p, end, last) == Row::incomplete) {
      p = row_begin;
      break;
    }
    const bool is_rest_of_end =
        after_lone_return_ && p - row_begin == 2 && row_begin[0] == '\r' && row_begin[1] == '\n';
    after_lone_return_ = ended_with_return_;
    if (is_rest_of_end) continue;
    RETURN_IF_ERROR(take_row({row_begin, static_cast<std::size_t>(row_text_end_ - row_begin)}, out, on_bad_row));
    line_ += row_lines_;
  }
  const auto used = static_cast<std::size_t>(p - data.data());
  first_byte_ += used;
  return used;
}

}  // namespace slicemill
