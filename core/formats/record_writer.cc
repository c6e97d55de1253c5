#include "core/formats/record_writer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <unordered_map>
#include <utility>

#include "core/formats/csv_writer.h"
#include "core/formats/json_scan.h"

namespace slicemill {

namespace {

Error record_error(std::uint64_t number, std::string_view problem, std::string_view record) {
  return Error(ErrorCode::invalid, fmt::format("record {}: {}: {}", number, problem, text_head(record)), false);
}

simdjson::padded_string_view padded(std::string_view record) {
  return simdjson::padded_string_view(record.data(), record.size(), record.size() + simdjson::SIMDJSON_PADDING);
}

// Gives a record's text or, with `fields`, the text of an object with those members, in the order of `fields`.
class Projection {
 public:
  explicit Projection(const std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      column_of_.emplace(fields[i], i);
      names_.push_back(json_quoted(fields[i]) + ":");
    }
    values_.resize(fields.size());
  }

  Result<void> append(std::string_view record, std::uint64_t number, std::string& out) {
    if (names_.empty()) {
      out.append(record);
      return {};
    }
    try {
      simdjson::ondemand::object object;
      auto document = parser_.iterate(padded(record));
      if (document.get_object().get(object) != simdjson::SUCCESS)
        return record_error(number, "not a JSON object", record);
      for (std::string_view& value : values_) value = {};
      for (auto member : object) {
        const auto column = column_of_.find(std::string(std::string_view(member.unescaped_key())));
        if (column != column_of_.end())
          values_[column->second] = trimmed(simdjson::to_json_string(member.value()).value());
      }
    } catch (const simdjson::simdjson_error& error) {
      return record_error(number, error.what(), record);
    }
    out.push_back('{');
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (values_[i].empty()) continue;
      if (out.back() != '{') out.push_back(',');
      out.append(names_[i]).append(values_[i]);
    }
    out.push_back('}');
    return {};
  }

 private:
  static std::string_view trimmed(std::string_view token) {
    while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
    return token;
  }

  std::unordered_map<std::string, std::size_t> column_of_;
  std::vector<std::string> names_;
  std::vector<std::string_view> values_;
  simdjson::ondemand::parser parser_;
};

// ldjson, and raw bytes: a record, a delimiter.
class LineWriter final : public RecordWriter {
 public:
  explicit LineWriter(RecordWriterOptions options) : options_(std::move(options)), projection_(options_.fields) {}

  Result<void> append(std::span<const std::string_view> records, std::string& out) override {
    for (std::string_view record : records) {
      ++count_;
      RETURN_IF_ERROR(check(record));
      RETURN_IF_ERROR(projection_.append(record, count_, out));
      out.append(options_.line_delimiter);
    }
    return {};
  }
  void finish(std::string&) override {}

 private:
  // A delimiter inside a record would make two of it.
  Result<void> check(std::string_view record) const {
    const std::string& delimiter = options_.line_delimiter;
    const bool is_split = delimiter.size() == 1
                              ? std::memchr(record.data(), delimiter[0], record.size()) != nullptr
                              : memmem(record.data(), record.size(), delimiter.data(), delimiter.size()) != nullptr;
    if (is_split) return record_error(count_, "the line delimiter occurs inside the record", record);
    return {};
  }

  RecordWriterOptions options_;
  Projection projection_;
  std::uint64_t count_ = 0;
};

// The text of the member "data" of each record, a delimiter.
class DataWriter final : public RecordWriter {
 public:
  explicit DataWriter(RecordWriterOptions options) : delimiter_(std::move(options.line_delimiter)) {}

  Result<void> append(std::span<const std::string_view> records, std::string& out) override {
    for (std::string_view record : records) {
      ++count_;
      auto document = parser_.iterate(padded(record));
      std::string_view text;
      if (document["data"].get_string().get(text) != simdjson::SUCCESS) {
        return record_error(count_, "format raw writes the text of the member \"data\", which is missing here", record);
      }
      if (text.find(delimiter_) != std::string_view::npos) {
        return record_error(count_, "the line delimiter occurs inside the record", record);
      }
      out.append(text).append(delimiter_);
    }
    return {};
  }
  void finish(std::string&) override {}

 private:
  std::string delimiter_;
  simdjson::ondemand::parser parser_;
  std::uint64_t count_ = 0;
};

// One array, one element a line.
class JsonArrayWriter final : public RecordWriter {
 public:
  explicit JsonArrayWriter(const RecordWriterOptions& options)
      : frame_(file_frame(options)), projection_(options.fields), is_part_(options.is_part) {}

  Result<void> append(std::span<const std::string_view> records, std::string& out) override {
    for (std::string_view record : records) {
      if (count_++ > 0) {
        out.append(frame_.separator);
      } else if (!is_part_) {
        out.append(frame_.prologue);
      }
      RETURN_IF_ERROR(projection_.append(record, count_, out));
    }
    return {};
  }
  void finish(std::string& out) override {
    if (!is_part_) out.append(frame_.epilogue);
  }

 private:
  FileFrame frame_;
  Projection projection_;
  bool is_part_;
  std::uint64_t count_ = 0;
};

}  // namespace

FileFrame file_frame(const RecordWriterOptions& options) {
  if (options.format == RecordFormat::json) return {"[\n", ",\n", "\n]\n"};
  if (is_delimited(options.format) && options.include_header) return {csv_header(options), "", ""};
  return {};
}

std::unique_ptr<RecordWriter> make_record_writer(RecordWriterOptions options) {
  switch (options.format) {
    case RecordFormat::ldjson:
      return std::make_unique<LineWriter>(std::move(options));
    case RecordFormat::raw:
      options.fields.clear();
      if (options.raw_records) return std::make_unique<LineWriter>(std::move(options));
      return std::make_unique<DataWriter>(std::move(options));
    case RecordFormat::json:
      return std::make_unique<JsonArrayWriter>(std::move(options));
    case RecordFormat::csv:
    case RecordFormat::tsv:
      return make_csv_writer(std::move(options));
  }
  return nullptr;
}

}  // namespace slicemill
