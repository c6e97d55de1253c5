#include "core/formats/csv_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/formats/csv_rows.h"
#include "core/formats/json_scan.h"
#include "core/formats/record_projection.h"
#include "core/formats/record_values.h"

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
    std::string name = fields[i];
    replace_surrogates(name, 0);
    append_field(name, options.field_delimiter, out);
  }
  end_row(begin, options, out);
}

class CsvWriter final : public RecordWriter {
 public:
  explicit CsvWriter(RecordWriterOptions options)
      : options_(std::move(options)),
        drops_others_(!options_.fields.empty()),
        chosen_(RecordProjection::Form::flat, chosen_fields(options_.fields)) {
    for (const std::string& name : column_names(options_.fields)) add_column(name);
  }

  Result<void> append(std::span<const std::string_view> records, std::string& out) override {
    records_.look_at(records);
    for (std::size_t i = 0; i < records.size(); ++i) {
      ++count_;
      const auto object = records_.object(i);
      if (!object) return broken(records[i], "not a JSON object");
      texts_.clear();
      texts_.reserve(records[i].size());  // no text is longer than what stands for it, so views hold
      RETURN_IF_ERROR(drops_others_ ? take_chosen(records[i], *object) : take_members(records[i], *object));
      if (options_.include_header && !options_.is_part && count_ == 1) append_header(names_, options_, out);
      append_row(out);
    }
    return {};
  }

  void finish(std::string&) override {}
  const std::vector<bool>& found_fields() const override { return chosen_.found(); }
  bool has_replaced_characters() const override { return has_replaced_; }

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
  Result<void> settle(std::string_view record, const JsonValue& object) {
    const std::vector<std::string> expected = std::exchange(expected_, {});
    std::vector<std::string> names = expected;
    std::unordered_set<std::string> known(names.begin(), names.end());
    object.visit_members([&](const JsonName& member, const JsonValue&) {
      std::string name = member.text();
      if (known.insert(name).second) names.push_back(std::move(name));
    });
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
    keys_.emplace_back(name);
    names_.push_back(std::move(name));
    values_.emplace_back();
  }

  Result<void> take_chosen(std::string_view record, const JsonValue& object) {
    if (auto looked = chosen_.look_at(object); !looked) return broken(record, looked.error().message);
    for (std::size_t column = 0; column < values_.size(); ++column) {
      const auto json = chosen_.value(column);
      values_[column] = json ? text_of(*json) : std::string_view();
    }
    return {};
  }

  // Objects of one kind list their members in one order: the next column is the likely one.
  Result<void> take_members(std::string_view record, const JsonValue& object) {
    if (names_.empty()) RETURN_IF_ERROR(settle(record, object));
    for (std::string_view& value : values_) value = {};
    std::size_t likely = 0;
    std::optional<std::string> unknown;
    object.visit_members([&](const JsonName& member, const JsonValue& value) {
      std::size_t column = likely;
      if (likely >= names_.size() || !member.is(keys_[likely])) {
        const std::string name = member.text();
        const auto known = column_of_.find(name);
        if (known == column_of_.end()) {
          if (!unknown) unknown = name;
          return;
        }
        column = known->second;
      }
      likely = column + 1;
      values_[column] = text_of(value.bytes());
    });
    if (unknown) return broken(record, missing("a member", *unknown));
    return {};
  }

  std::string_view text_of(std::string_view json) {
    if (json == "null") return {};
    if (!json.starts_with('"')) return json;
    const std::string_view inside = json.substr(1, json.size() - 2);
    if (inside.find('\\') == std::string_view::npos) return inside;
    const std::size_t begin = texts_.size();
    if (append_text(json, texts_)) has_replaced_ = true;
    return std::string_view(texts_).substr(begin);
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
  RecordProjection chosen_;
  std::vector<std::string> expected_;  // until the columns are settled
  std::vector<std::string> names_;
  std::vector<JsonKey> keys_;  // the same
  std::unordered_map<std::string, std::size_t> column_of_;
  std::vector<std::string_view> values_;
  std::string texts_;  // of the record, where they are not in it
  RecordValues records_;
  bool has_replaced_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace

std::unique_ptr<RecordWriter> make_csv_writer(RecordWriterOptions options) {
  return std::make_unique<CsvWriter>(std::move(options));
}

std::vector<std::string> column_names(const std::vector<std::string>& fields) {
  std::vector<std::string> names;
  for (const ChosenField& field : chosen_fields(fields)) names.push_back(field.source.whole_name());
  return names;
}

std::string csv_header(const RecordWriterOptions& options) {
  std::string header;
  append_header(column_names(options.fields), options, header);
  return header;
}

}  // namespace slicemill
