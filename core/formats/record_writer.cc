#include "core/formats/record_writer.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "core/formats/csv_writer.h"
#include "core/formats/json_scan.h"
#include "core/formats/record_projection.h"
#include "core/formats/record_values.h"

namespace slicemill {

namespace {

Error record_error(std::uint64_t number, std::string_view problem, std::string_view record) {
  return Error(ErrorCode::invalid, fmt::format("record {}: {}: {}", number, problem, text_head(record)), false);
}

// Gives a record's text or, with `fields`, the text of an object with those fields.
class Projection {
 public:
  explicit Projection(const std::vector<std::string>& fields)
      : is_whole_(fields.empty()), projection_(RecordProjection::Form::in_place, chosen_fields(fields)) {}

  const std::vector<bool>& found() const { return projection_.found(); }

  // Once before append() of each of the records.
  void look_at(std::span<const std::string_view> records) {
    if (!is_whole_) values_.look_at(records);
  }

  Result<void> append(std::string_view record, std::size_t number_of_batch, std::uint64_t number, std::string& out) {
    if (is_whole_) {
      out.append(record);
      return {};
    }
    const auto object = values_.object(number_of_batch);
    if (!object) return record_error(number, "not a JSON object", record);
    if (auto looked = projection_.look_at(*object); !looked) return looked.error();
    const std::size_t size = out.size();
    out.resize(size + projection_.size_limit());
    ASSIGN_OR_RETURN(const char* end, projection_.write(out.data() + size));
    out.resize(static_cast<std::size_t>(end - out.data()));
    return {};
  }

 private:
  bool is_whole_;
  RecordProjection projection_;
  RecordValues values_;
};

// ldjson, and raw bytes: a record, a delimiter.
class LineWriter final : public RecordWriter {
 public:
  explicit LineWriter(RecordWriterOptions options) : options_(std::move(options)), projection_(options_.fields) {}

  Result<void> append(std::span<const std::string_view> records, std::string& out) override {
    projection_.look_at(records);
    for (std::size_t i = 0; i < records.size(); ++i) {
      ++count_;
      RETURN_IF_ERROR(check(records[i]));
      RETURN_IF_ERROR(projection_.append(records[i], i, count_, out));
      out.append(options_.line_delimiter);
    }
    return {};
  }
  void finish(std::string&) override {}
  const std::vector<bool>& found_fields() const override { return projection_.found(); }

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
    values_.look_at(records);
    for (std::size_t i = 0; i < records.size(); ++i) {
      ++count_;
      const auto object = values_.object(i);
      const auto data = object ? find_member(*object, data_name_) : std::nullopt;
      if (!data || !data->bytes().starts_with('"')) {
        return record_error(count_, "format raw writes the text of the member \"data\", which is missing here",
                            records[i]);
      }
      const std::size_t begin = out.size();
      if (append_text(data->bytes(), out)) has_replaced_ = true;
      if (out.find(delimiter_, begin) != std::string::npos) {
        return record_error(count_, "the line delimiter occurs inside the record", records[i]);
      }
      out.append(delimiter_);
    }
    return {};
  }
  void finish(std::string&) override {}
  bool has_replaced_characters() const override { return has_replaced_; }

 private:
  const JsonKey data_name_{"data"};
  std::string delimiter_;
  RecordValues values_;
  bool has_replaced_ = false;
  std::uint64_t count_ = 0;
};

// One array, one element a line.
class JsonArrayWriter final : public RecordWriter {
 public:
  explicit JsonArrayWriter(const RecordWriterOptions& options)
      : frame_(file_frame(options)), projection_(options.fields), is_part_(options.is_part) {}

  Result<void> append(std::span<const std::string_view> records, std::string& out) override {
    projection_.look_at(records);
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (count_++ > 0) {
        out.append(frame_.separator);
      } else if (!is_part_) {
        out.append(frame_.prologue);
      }
      RETURN_IF_ERROR(projection_.append(records[i], i, count_, out));
    }
    return {};
  }
  void finish(std::string& out) override {
    if (!is_part_) out.append(frame_.epilogue);
  }
  const std::vector<bool>& found_fields() const override { return projection_.found(); }

 private:
  FileFrame frame_;
  Projection projection_;
  bool is_part_;
  std::uint64_t count_ = 0;
};

}  // namespace

const std::vector<bool>& RecordWriter::found_fields() const {
  static const std::vector<bool> kNone;
  return kNone;
}

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
