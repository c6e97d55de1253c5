#include "cli/job_draft.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "core/formats/byte_scan.h"
#include "core/formats/csv_reader.h"
#include "core/formats/csv_rows.h"
#include "core/formats/csv_sample.h"
#include "core/formats/file_reading.h"
#include "core/formats/json_scan.h"
#include "core/runtime/ascii.h"
#include "core/runtime/json.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"
#include "slicer/file_list.h"

namespace slicemill::cli {
namespace {

constexpr std::size_t kMostListedFields = 100;
constexpr std::size_t kMostParsedRecords = 200;
constexpr std::size_t kTolerated = 20;  // one bad row of so many does not speak against a delimiter
constexpr std::string_view kMark = "\xEF\xBB\xBF";

// Dates without an order of day and month that everybody reads alike are left out where both orders fit.
constexpr std::array kDays = {"%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d"};
constexpr std::array kTimes = {"", " %H:%M:%S", " %H:%M"};

struct Source {
  std::string path;  // as the job names it: absolute
  std::string file;  // whose beginning is looked at
  FileBeginning beginning{};
};

struct Draft {
  std::string format;
  std::string options{};   // further lines of the reader
  std::string findings{};  // comment lines in front of it
  bool is_table = false;
  std::vector<std::string> fields{};  // of records, if they are known
};

// ---- YAML
// ------------------------------------------------------------------------------------------------------------

// A name or text as YAML: plain where nothing in it can be taken for something else.
std::string yaml_text(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
  };
  static const std::set<std::string_view> words = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  const bool is_bare = !text.empty() && !is_digit(text.front()) && std::all_of(text.begin(), text.end(), is_plain) &&
                       !words.contains(lower(text));
  return is_bare ? std::string(text) : json_quoted(text);
}

std::string comment(std::string_view text) {
  return fmt::format("  # {}\n", printable(text));
}

// ---- tables
// ------------------------------------------------------------------------------------------------------------

struct Shape {
  CsvDialect dialect;
  std::vector<std::string> first_row;
  std::size_t rows = 0, bad = 0;
};

std::vector<std::string> cells_of(std::string_view row, const CsvDialect& dialect) {
  std::vector<std::string> cells(1);
  bool is_quoted = false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const char c = row[i];
    if (dialect.quote && c == *dialect.quote) {
      const bool is_doubled = is_quoted && i + 1 < row.size() && row[i + 1] == c;
      if (is_doubled)
        cells.back().push_back(row[i++]);
      else if (is_quoted || cells.back().empty())
        is_quoted = !is_quoted;
      else
        cells.back().push_back(c);
    } else if (c == dialect.delimiter && !is_quoted) {
      cells.emplace_back();
    } else {
      cells.back().push_back(c);
    }
  }
  return cells;
}

std::string_view first_row_of(std::string_view text, const CsvDialect& dialect) {
  if (const auto separator = separator_line(text, dialect)) text.remove_prefix(separator->size);
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  while (!text.empty() && (text.front() == '\n' || text.front() == '\r')) text.remove_prefix(1);
  CsvRows rows(dialect, 0, 1);
  std::string_view rest = text;
  if (rows.find_end(rest, 0)) text = text.substr(0, static_cast<std::size_t>(rows.offset()));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// How the text reads with these characters: a row is good if it has as many cells as the first one.
Shape measure(const FileBeginning& beginning, const CsvDialect& dialect) {
  Shape shape{.dialect = dialect};
  shape.first_row = cells_of(first_row_of(beginning.view(), dialect), dialect);
  CsvOptions options{.dialect = dialect, .remove_header = false};
  for (std::size_t i = 0; i < shape.first_row.size(); ++i) options.fields.push_back(std::to_string(i));
  options.on_value = [&](std::size_t column, std::string_view) { shape.rows += column == 0 ? 1 : 0; };
  CsvReader reader(std::move(options));
  RecordText none;
  (void)reader.read(beginning.view(), beginning.is_all, none, [&](const BadCsvRow&) {
    ++shape.bad;
    return Result<void>();
  });
  return shape;
}

bool is_better(const Shape& one, const Shape& other) {
  return std::pair(one.bad, other.first_row.size()) < std::pair(other.bad, one.first_row.size());
}

std::optional<Shape> shape_of(const FileBeginning& beginning, std::string_view file) {
  const auto separator = separator_line(beginning.view(), {});
  std::optional<Shape> best;
  for (const char delimiter : std::string_view("\t;,|")) {
    for (const auto quote : {std::optional<char>('"'), std::optional<char>()}) {
      const CsvDialect dialect{separator ? separator->delimiter : delimiter, quote};
      Shape shape = measure(beginning, dialect);
      if (shape.first_row.size() < 2 || shape.rows < 2 || shape.bad * kTolerated > shape.rows) continue;
      if (!best || is_better(shape, *best)) best = std::move(shape);
    }
  }
  if (best) return best;
  const std::string name = lower(file);
  const bool is_named = name.find(".csv") != std::string::npos || name.find(".tsv") != std::string::npos;
  if (!is_named) return std::nullopt;
  return measure(beginning, {name.find(".tsv") != std::string::npos ? '\t' : ',', '"'});
}

bool is_header(const std::vector<std::string>& cells) {
  std::set<std::string> seen;
  for (const std::string& cell : cells) {
    static const CellRules any;
    ColumnSample sample(any);
    sample.take(trimmed_cell(cell));
    if (trimmed_cell(cell).empty() || sample.type() != CellType::text || !seen.insert(cell).second) return false;
    if (std::any_of(cell.begin(), cell.end(), is_digit) &&
        cell.find_first_not_of("0123456789.,-+/: ") == std::string::npos)
      return false;
  }
  return true;
}

struct TableTypes {
  InferredTypes types;
  std::map<std::string, std::string> patterns{};  // of dates that are not ISO 8601
  std::map<std::string, std::string> doubts{};    // of columns whose dates can be read in two orders: one of them
  std::uint64_t rows = 0;
  std::string decimal{}, thousands{};
};

Result<TableTypes> sample_with(const Source& source, Json options) {
  options["types"] = "infer";
  ASSIGN_OR_RETURN(const FileReading reading, file_reading(options));
  TypeSample sample(reading);
  RETURN_IF_ERROR(sample.take(source.beginning.view(), source.beginning.is_all));
  return TableTypes{.types = sample.types(), .rows = sample.rows()};
}

std::size_t typed_columns(const TableTypes& found) {
  return static_cast<std::size_t>(std::count_if(found.types.begin(), found.types.end(),
                                                [](const auto& each) { return each.second != CellType::text; }));
}

// Numbers with a comma count only if more columns are numbers that way.
Result<TableTypes> types_of(const Source& source, const Json& options) {
  ASSIGN_OR_RETURN(TableTypes best, sample_with(source, options));
  for (const auto& [decimal, thousands] : {std::pair{",", ""}, {",", "."}, {".", ","}}) {
    Json with = options;
    with["decimal_separator"] = decimal;
    if (*thousands != '\0') with["thousands_separator"] = thousands;
    ASSIGN_OR_RETURN(TableTypes found, sample_with(source, with));
    if (typed_columns(found) <= typed_columns(best)) continue;
    best = std::move(found);
    best.decimal = decimal;
    best.thousands = thousands;
  }
  std::map<std::string, std::vector<std::string>> fitting;
  for (const char* day : kDays) {
    for (const char* time : kTimes) {
      Json with = options;
      with["date_format"] = std::string(day) + time;
      ASSIGN_OR_RETURN(const TableTypes found, sample_with(source, with));
      for (const auto& [column, type] : found.types) {
        const bool is_open = best.types.at(column) == CellType::text;
        if (type == CellType::date && is_open) fitting[column].push_back(with["date_format"].get<std::string>());
      }
    }
  }
  for (const auto& [column, patterns] : fitting) {
    if (patterns.size() > 1) {
      best.doubts.emplace(column, patterns.front());
    } else {
      best.types[column] = CellType::date;
      best.patterns.emplace(column, patterns.front());
    }
  }
  return best;
}

Result<Draft> draft_table(const Source& source, const Shape& shape) {
  const bool is_tsv = shape.dialect.delimiter == '\t';
  Draft draft{.format = is_tsv ? "tsv" : "csv", .is_table = true};
  const bool names_delimiter =
      !is_tsv && shape.dialect.delimiter != ',' && !separator_line(source.beginning.view(), {});
  Json options = {{"path", source.path}, {"format", draft.format}};
  if (names_delimiter) options["field_delimiter"] = std::string(1, shape.dialect.delimiter);
  if (!shape.dialect.quote) options["quote"] = "";
  std::vector<std::string> columns = shape.first_row;
  const bool has_header = is_header(columns);
  if (!has_header) {
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = fmt::format("column{}", i + 1);
    options["fields"] = columns;
  }
  ASSIGN_OR_RETURN(const TableTypes found, types_of(source, options));
  if (names_delimiter)
    draft.options +=
        fmt::format("    field_delimiter: {}\n", json_quoted(options["field_delimiter"].get<std::string>()));
  if (!shape.dialect.quote) draft.options += "    quote: \"\"    # quotes are characters like others\n";
  if (!has_header) {
    draft.options += "    # The first row is data; these names are made up:\n    fields:\n";
    for (const std::string& column : columns) draft.options += fmt::format("      - {}\n", yaml_text(column));
  }
  draft.options += fmt::format(
      "    # As the first {} row{} show{}. Types: text, integer, decimal, boolean, date. A later cell that does not "
      "fit is an\n"
      "    # error of its row; an empty one is null.\n    types:\n",
      found.rows, found.rows == 1 ? "" : "s", found.rows == 1 ? "s" : "");
  for (const std::string& column : columns) {
    const auto type = found.types.find(column);
    const auto pattern = found.patterns.find(column);
    const std::string_view word = to_string(type == found.types.end() ? CellType::text : type->second);
    std::string line = pattern == found.patterns.end()
                           ? std::string(word)
                           : fmt::format("{{type: date, format: {}}}", json_quoted(pattern->second));
    if (const auto doubt = found.doubts.find(column); doubt != found.doubts.end())
      line += fmt::format("    # a date? which order? {{type: date, format: {}}}", json_quoted(doubt->second));
    draft.options += fmt::format("      {}: {}\n", yaml_text(column), line);
  }
  if (!found.decimal.empty() && found.decimal != ".")
    draft.options += fmt::format("    decimal_separator: {}\n", json_quoted(found.decimal));
  if (!found.thousands.empty())
    draft.options += fmt::format("    thousands_separator: {}\n", json_quoted(found.thousands));
  draft.findings = comment(fmt::format("{} columns{}", columns.size(), has_header ? ", named in the first row" : ""));
  if (shape.bad > 0)
    draft.findings += comment(fmt::format(
        "{} of the first rows are no good rows, which are errors; _dead_letter_action: quarantine keeps them apart",
        shape.bad));
  draft.fields = columns;
  return draft;
}

// ---- JSON and lines
// ------------------------------------------------------------------------------------------------------------

std::vector<std::string_view> lines_of(const FileBeginning& beginning) {
  std::vector<std::string_view> lines;
  std::string_view rest = beginning.view();
  if (rest.starts_with(kMark)) rest.remove_prefix(kMark.size());
  while (!rest.empty() && lines.size() < kMostParsedRecords) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos && !beginning.is_all) break;
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) lines.push_back(line);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return lines;
}

bool is_json_record(std::string_view line) {
  const auto parsed = parse_json(line);
  return parsed && parsed->is_structured();
}

// Fields in the order in which they were found, and the types of their values.
class FieldTypes {
 public:
  void take(const Json& value, const std::string& path = "") {
    if (value.is_object() && (!value.empty() || path.empty())) {
      for (const auto& [name, member] : value.items())
        take(member, path.empty() ? escaped(name) : path + "." + escaped(name));
      return;
    }
    if (path.empty()) return;
    auto found = std::find_if(fields_.begin(), fields_.end(), [&](const auto& each) { return each.first == path; });
    if (found == fields_.end() && fields_.size() < kMostListedFields) found = fields_.insert(fields_.end(), {path, {}});
    if (found != fields_.end()) found->second.insert(word(value));
  }

  std::string comments() const {
    std::string text;
    for (const auto& [path, types] : fields_) text += comment(fmt::format("  {}: {}", path, fmt::join(types, " or ")));
    return text;
  }
  std::vector<std::string> paths() const {
    std::vector<std::string> paths;
    for (const auto& [path, types] : fields_) paths.push_back(path);
    return paths;
  }

 private:
  static std::string escaped(const std::string& name) {
    std::string text;
    for (const char c : name) {
      if (c == '.' || c == '\\') text.push_back('\\');
      text.push_back(c);
    }
    return text;
  }
  static std::string word(const Json& value) {
    if (value.is_string()) return "text";
    if (value.is_number_integer()) return "integer";
    if (value.is_number()) return "number";
    return value.type_name();
  }

  std::vector<std::pair<std::string, std::set<std::string>>> fields_;
};

Draft with_fields(Draft draft, const FieldTypes& fields, std::size_t records) {
  if (fields.paths().empty()) return draft;
  draft.findings +=
      comment(fmt::format("fields of the first {} record{}:", records, records == 1 ? "" : "s")) + fields.comments();
  draft.fields = fields.paths();
  return draft;
}

std::optional<Draft> draft_ldjson(const std::vector<std::string_view>& lines) {
  if (lines.empty() || !std::all_of(lines.begin(), lines.end(), is_json_record)) return std::nullopt;
  // One array of objects is a file of format json that happens to have no line ends.
  if (lines.size() == 1) {
    const auto only = parse_json(lines[0]);
    const auto is_object = [](const Json& item) { return item.is_object(); };
    if (only->is_array() && !only->empty() && std::all_of(only->begin(), only->end(), is_object)) return std::nullopt;
  }
  FieldTypes fields;
  for (const std::string_view line : lines) fields.take(*parse_json(line));
  return with_fields({.format = "ldjson"}, fields, lines.size());
}

// An array of records over any number of lines, or one value. What is not all there is judged by its first elements.
std::optional<Draft> draft_json(const FileBeginning& beginning) {
  std::string_view text = beginning.view();
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (text[first] != '[' && text[first] != '{')) return std::nullopt;
  if (text[first] == '{' && (!beginning.is_all || check_json_text(text).state != JsonScan::State::complete))
    return std::nullopt;
  FieldTypes fields;
  std::size_t records = 0;
  if (text[first] == '{') {
    const auto parsed = parse_json(text);
    if (!parsed) return std::nullopt;
    fields.take(*parsed);
    return with_fields({.format = "json"}, fields, 1);
  }
  const char* p = text.data() + first + 1;
  const char* const end = text.data() + text.size();
  while (records < kMostParsedRecords) {
    while (p < end && (is_json_space(*p) || *p == ',')) ++p;
    if (p == end || *p == ']') break;
    const JsonScan scan = scan_json_value(p, end);
    if (scan.state == JsonScan::State::broken) return std::nullopt;
    if (scan.state == JsonScan::State::incomplete || scan.at == end) break;
    const auto parsed = parse_json({p, static_cast<std::size_t>(scan.at - p)});
    if (!parsed) return std::nullopt;
    fields.take(*parsed);
    ++records;
    p = scan.at;
  }
  return with_fields({.format = "json"}, fields, records);
}

Result<Draft> draft_of(const Source& source) {
  const std::string_view text = source.beginning.view();
  const auto refuse = [&](std::string_view problem) {
    return Error(ErrorCode::invalid, fmt::format("{}: {}", printable(source.file), problem), false);
  };
  if (text.empty()) return refuse("is empty: nothing shows its format");
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return refuse("is UTF-16; `iconv -f UTF-16 -t UTF-8` makes UTF-8 of it");
  if (text.find('\0') != std::string_view::npos)
    return refuse("is no text: formats are ldjson, json, csv, tsv and lines");
  // The last character may be cut.
  if (const std::size_t bad = find_bad_utf8(text);
      bad + 4 < text.size() || (bad < text.size() && source.beginning.is_all)) {
    return refuse(fmt::format("byte {} is not UTF-8; `iconv -f LATIN1 -t UTF-8` helps if that is what it is", bad));
  }
  const auto lines = lines_of(source.beginning);
  if (auto draft = draft_ldjson(lines)) return *std::move(draft);
  if (auto draft = draft_json(source.beginning)) return *std::move(draft);
  if (const auto shape = shape_of(source.beginning, source.file)) return draft_table(source, *shape);
  Draft draft{.format = "raw"};
  draft.findings = comment("lines of text: each becomes {\"data\": line}");
  return draft;
}

// ---- the job
// ------------------------------------------------------------------------------------------------------------

std::string absolute(const std::string& path, const std::string& base) {
  return (std::filesystem::path(base) / path).lexically_normal().string();
}

// One path for several files: a pattern that means them and no others.
Result<std::string> common_path(Files& files, std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  if (paths.size() == 1) return paths.front();
  const std::filesystem::path first(paths.front());
  const std::string pattern = (first.parent_path() / ("*" + first.extension().string())).string();
  ASSIGN_OR_RETURN(const FileList list, list_files(files, pattern));
  if (list.paths == paths) return pattern;
  const auto differs = [&](const std::vector<std::string>& from, const std::vector<std::string>& what) -> std::string {
    for (const std::string& path : from)
      if (std::find(what.begin(), what.end(), path) == what.end()) return path;
    return "";
  };
  const std::string more = differs(list.paths, paths), fewer = differs(paths, list.paths);
  return Error(ErrorCode::invalid,
               fmt::format("a job reads one path, and {} means {} {}: give a pattern or a directory",
                           printable(pattern), more.empty() ? "no" : "also", printable(more.empty() ? fewer : more)),
               false);
}

Result<Source> find_source(Files& files, const std::string& path) {
  Source source{.path = path};
  ASSIGN_OR_RETURN(const FileList list, list_files(files, path));
  for (const std::string& file : list.paths) {
    const auto stat = files.stat(file);
    if (!stat) return stat.error();
    if (stat->kind != FileKind::regular || stat->size == 0) continue;
    source.file = file;
    FileReading reading;
    ASSIGN_OR_RETURN(source.beginning, read_beginning(files, reading, file));
    return source;
  }
  return Error(ErrorCode::not_found, fmt::format("{}: no file with anything in it", printable(path)), false);
}

std::string example_filter(const Draft& draft) {
  if (draft.format == "raw") {
    return "  # - _op: filter          # only some of the lines\n"
           "  #   field: data\n"
           "  #   regex: \"ERROR|WARN\"\n";
  }
  if (draft.fields.empty()) return "";
  std::string names;
  for (std::size_t i = 0; i < draft.fields.size() && i < 5; ++i)
    names += (i > 0 ? ", " : "") + yaml_text(draft.fields[i]);
  return fmt::format(
      "  # - _op: filter          # only some of the records: value, regex, or min and max\n"
      "  #   field: {}\n"
      "  #   value: ...\n"
      "  # - _op: selection       # only some of the fields\n"
      "  #   fields: [{}]\n",
      yaml_text(draft.fields.front()), names);
}

}  // namespace

Result<std::string> draft_job(Files& files, const std::vector<std::string>& paths, const std::string& base) {
  std::vector<std::string> all;
  all.reserve(paths.size());
  for (const std::string& path : paths) all.push_back(absolute(path, base));
  ASSIGN_OR_RETURN(const std::string path, common_path(files, std::move(all)));
  ASSIGN_OR_RETURN(const Source source, find_source(files, path));
  ASSIGN_OR_RETURN(const Draft draft, draft_of(source));
  std::string stem = std::filesystem::path(source.file).filename().string();
  stem = stem.substr(0, std::max<std::size_t>(1, stem.find('.')));
  return fmt::format(
      "# A job made of the beginning of {}: it copies the records.\n"
      "#   slicemill validate JOB    checks it\n"
      "#   slicemill run JOB         runs it here\n"
      "#   slicemill submit JOB      gives it to a master\n"
      "#   slicemill ops             lists all operations, slicemill ops NAME their options\n"
      "name: {}\n"
      "lifecycle: once        # persistent: goes on with files that come later\n"
      "operations:\n"
      "{}"
      "  - _op: file_reader\n"
      "    path: {}    # a file, a directory or a pattern\n"
      "    format: {}\n"
      "{}"
      "    # _dead_letter_action: quarantine    # keeps bad records apart instead of failing\n"
      "{}"
      "  - _op: file_exporter\n"
      "    path: {}    # a directory, with a file per slice\n"
      "    format: {}\n"
      "{}",
      printable(source.file), json_quoted("copy of " + stem), draft.findings, json_quoted(source.path), draft.format,
      draft.options, example_filter(draft), json_quoted(absolute(stem + "-copy", base)), draft.format,
      draft.is_table ? "    include_header: true\n" : "");
}

}  // namespace slicemill::cli
