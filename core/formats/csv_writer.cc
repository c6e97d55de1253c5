#include "core/formats/csv_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/formats/csv_rows.h"
#include "core/formats/json_scan.h"

namespace slicemill {

namespace {

// What would be no text of a field at the beginning of a file is quoted wherever it stands.
bool begins_a_file(std::string_view text) {
  return begins_like_separator_line(text) || text.starts_with("\xEF\xBB\xBF");
}

void append_field(std::string_view text, char delimiter, std::string& out) {
  const bool needs_quotes = std::any_of(text.begin(), text.end(),
                                        [&](char c) { return c == delimiter || c == '"' || c == '\n' || c == '\r'; }) ||
                            begins_a_file(text);
  if (!needs_quotes) {
    out.append(text);
    return;
  }
  out.push_back('"');
  for (char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

// A row of one empty field would read as a blank line.
void end_row(std::size_t begin, const RecordWriterOptions& options, std::string& out) {
  if (out.size() == begin) out.append("\"\"");
  out.append(options.line_delimiter);
}

void append_header(const std::vector<std::string>& fields, const RecordWriterOptions& options, std::string& out) {
  const std::size_t begin = out.size();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out.push_back(options.field_delimiter);
    append_field(fields[i], options.field_delimiter, out);
  }
  end_row(begin, options, out);
}

class CsvWriter final : public RecordWriter {
 public:
  explicit CsvWriter(RecordWriterOptions options)
      : options_(std::move(options)), drops_others_(!options_.fields.empty()) {
    for (const std::string& field : options_.fields) add_column(field);
  }

  Result<void> append(std::span<const std::string_view> records, std::string& out) override {
    for (std::string_view record : records) {
      ++count_;
      try {
        RETURN_IF_ERROR(append_record(record, out));
      } catch (const simdjson::simdjson_error& error) {
        return broken(record, error.what());
      }
    }
    return {};
  }

  void finish(std::string&) override {}

  Result<void> expect_columns(const std::vector<std::string>& names) override {
    if (drops_others_) return {};
    if (!names_.empty()) return check_expected(names);
    expected_ = names;
    return {};
  }

 private:
  Result<void> check_expected(const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      if (!column_of_.contains(name)) return Error(ErrorCode::invalid, missing("a column of the source", name), false);
    }
    return {};
  }

  std::string missing(std::string_view what, std::string_view name) const {
    return fmt::format(
        "{}, \"{}\", is not among the columns, which without `fields` are those of the first record ({}): name all in "
        "`fields`",
        what, name, text_head(fmt::format("{}", fmt::join(names_, ", "))));
  }

  // The columns follow from the first record of the output and from what its source has.
  Result<void> settle(std::string_view record) {
    simdjson::padded_string_view padded(record.data(), record.size(), record.size() + simdjson::SIMDJSON_PADDING);
    auto document = parser_.iterate(padded);
    simdjson::ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) return broken(record, "not a JSON object");
    const std::vector<std::string> expected = std::exchange(expected_, {});
    std::vector<std::string> names = expected;
    std::unordered_set<std::string> known(names.begin(), names.end());
    for (auto member : object) {
      std::string name(std::string_view(member.unescaped_key()));
      if (known.insert(name).second) names.push_back(std::move(name));
    }
    if (names.empty()) return broken(record, "an object without members has no columns");
    if (options_.settle_columns) {
      ASSIGN_OR_RETURN(names, options_.settle_columns(std::move(names)));
    }
    for (std::string& name : names) add_column(std::move(name));
    return check_expected(expected);
  }

  Error broken(std::string_view record, std::string_view problem) const {
    return Error(ErrorCode::invalid, fmt::format("record {}: {}: {}", count_, problem, text_head(record)), false);
  }

  void add_column(std::string name) {
    column_of_.emplace(name, names_.size());
    names_.push_back(std::move(name));
    values_.emplace_back();
  }

  // Objects of one kind list their members in one order: the next column is the likely one.
  static constexpr std::size_t kNoColumn = ~std::size_t{0};
  std::size_t column_of(std::string_view name, std::size_t likely) const {
    if (likely < names_.size() && names_[likely] == name) return likely;
    const auto found = column_of_.find(std::string(name));
    return found == column_of_.end() ? kNoColumn : found->second;
  }

  Result<void> append_record(std::string_view record, std::string& out) {
    if (names_.empty()) RETURN_IF_ERROR(settle(record));
    simdjson::padded_string_view padded(record.data(), record.size(), record.size() + simdjson::SIMDJSON_PADDING);
    auto document = parser_.iterate(padded);
    simdjson::ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) return broken(record, "not a JSON object");
    for (std::string_view& value : values_) value = {};
    std::size_t likely = 0;
    for (auto member : object) {
      const std::string_view name = member.unescaped_key();
      const std::size_t column = column_of(name, likely);
      if (column == kNoColumn) {
        if (drops_others_) continue;
        return broken(record, missing("a member", name));
      }
      likely = column + 1;
      values_[column] = text_of(member.value());
    }
    if (options_.include_header && !options_.is_part && count_ == 1) append_header(names_, options_, out);
    append_row(out);
    return {};
  }

  static std::string_view text_of(simdjson::ondemand::value value) {
    switch (simdjson::ondemand::json_type(value.type())) {
      case simdjson::ondemand::json_type::string:
        return value.get_string();
      case simdjson::ondemand::json_type::null:
        return {};
      case simdjson::ondemand::json_type::array:
        return value.get_array().value().raw_json();
      case simdjson::ondemand::json_type::object:
        return value.get_object().value().raw_json();
      default:
        break;
    }
    std::string_view token = value.raw_json_token();
    while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
    return token;
  }

  void append_row(std::string& out) const {
    const std::size_t begin = out.size();
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (i > 0) out.push_back(options_.field_delimiter);
      append_field(values_[i], options_.field_delimiter, out);
    }
    end_row(begin, options_, out);
  }

  RecordWriterOptions options_;
  const bool drops_others_;
  std::vector<std::string> expected_;  // until the columns are settled
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> column_of_;
  std::vector<std::string_view> values_;
  simdjson::ondemand::parser parser_;
  std::uint64_t count_ = 0;
};

}  // namespace

std::unique_ptr<RecordWriter> make_csv_writer(RecordWriterOptions options) {
  return std::make_unique<CsvWriter>(std::move(options));
}

std::string csv_header(const RecordWriterOptions& options) {
  std::string header;
  append_header(options.fields, options, header);
  return header;
}

}  // namespace slicemill
