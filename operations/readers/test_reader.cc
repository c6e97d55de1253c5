#include "operations/readers/test_reader.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/runtime/files.h"

namespace slicemill {
namespace {

constexpr int kBuiltInRecords = 10;

Result<std::vector<std::string>> built_in_records() {
  std::vector<std::string> records;
  for (int i = 0; i < kBuiltInRecords; ++i) records.push_back(fmt::format(R"({{"id":{},"name":"record {}"}})", i, i));
  return records;
}

Result<std::vector<std::string>> records_of(const Json& array, std::string_view place) {
  if (!array.is_array())
    return Error(ErrorCode::invalid, fmt::format("{}: must be a JSON array of records", place), false);
  std::vector<std::string> records;
  for (const auto& record : array) records.push_back(to_compact_text(record));
  return records;
}

Result<std::vector<std::string>> read_records(Files& files, const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, files.open(path));
  ASSIGN_OR_RETURN(const auto stat, file->stat());
  std::string text(stat.size, '\0');
  ASSIGN_OR_RETURN(const auto size, file->read_at(0, text));
  text.resize(size);
  auto parsed = parse_json(text);
  if (!parsed) return with_context(parsed.error(), path);
  return records_of(*parsed, path);
}

class TestReader final : public Reader {
 public:
  Result<void> initialize(const OperationContext& context) override {
    passes_slice_ = context.operation.options.value("passthrough_slice", false);
    if (passes_slice_) return {};
    const auto path = context.operation.options.value("fetcher_data_file_path", "");
    ASSIGN_OR_RETURN(records_, path.empty() ? built_in_records() : read_records(*context.files, path));
    return {};
  }

  Result<void> open(const SliceContext& slice) override {
    next_ = 0;
    if (!passes_slice_) return {};
    ASSIGN_OR_RETURN(const auto request, parse_json(slice.request));
    ASSIGN_OR_RETURN(records_, records_of(request.is_array() ? request : Json::array({request}), "slice request"));
    return {};
  }

  Result<void> read(RecordBatch& batch) override {
    for (std::size_t bytes = 0; next_ < records_.size() && bytes < RecordBatch::kTargetBytes; ++next_) {
      batch.append_copy(records_[next_]);
      bytes += records_[next_].size();
    }
    return {};
  }

 private:
  bool passes_slice_ = false;
  std::vector<std::string> records_;
  std::size_t next_ = 0;
};

}  // namespace

OperationEntry test_reader_operation() {
  OperationSchema schema;
  schema.name = "test-reader";
  schema.kind = OperationKind::reader;
  schema.description =
      "Gives the same few records for every slice, for trying jobs. Its slicer cannot go on after a crash.";
  schema.options = {
      {.name = "fetcher_data_file_path",
       .type = OptionType::text,
       .description = "JSON file with an array of the records of every slice; without it ten built-in records.",
       .is_path = true},
      {.name = "slicer_data_file_path",
       .type = OptionType::text,
       .description = "JSON file with an array of slice requests; without it ten built-in ones. Persistent jobs begin "
                      "again at the end.",
       .is_path = true},
      {.name = "passthrough_slice",
       .type = OptionType::boolean,
       .description = "Gives the slice request itself as the record (an array: as the records).",
       .default_value = false},
  };
  return {std::move(schema), [] { return std::make_unique<TestReader>(); }};
}

}  // namespace slicemill
