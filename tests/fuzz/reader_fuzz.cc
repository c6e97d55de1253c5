// Input: a byte for the format, one for the place of a cut, then a file. It is read whole; formats that are cut into
// ranges are read in two parts as well, and both must give the same records.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "operations/operation.h"
#include "operations/readers/file_reader.h"
#include "tests/fakes/no_files.h"

namespace {

using namespace slicemill;

class OneFile final : public NoFiles {
 public:
  explicit OneFile(std::string_view text) : text_(text) {}
  Result<std::unique_ptr<ReadableFile>> open(const std::string&) override {
    return std::unique_ptr<ReadableFile>(std::make_unique<Reading>(text_));
  }
  Result<FileStat> stat(const std::string&) override { return FileStat{false, text_.size(), 0, 1}; }

 private:
  class Reading final : public ReadableFile {
   public:
    explicit Reading(std::string_view text) : text_(text) {}
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
      if (offset >= text_.size()) return std::size_t{0};
      return text_.substr(offset).copy(buffer.data(), buffer.size());
    }
    Result<FileStat> stat() override { return FileStat{false, text_.size(), 0, 1}; }

   private:
    std::string_view text_;
  };
  std::string_view text_;
};

// Nothing: the range is an error, as a whole.
std::optional<std::vector<std::string>> records_of(Reader& reader, std::size_t size, std::size_t from, std::size_t to) {
  const std::string request =
      Json{{"path", "/f"}, {"total", size}, {"mtime_ns", 0}, {"inode", 1}, {"offset", from}, {"length", to - from}}
          .dump();
  SliceContext slice;
  slice.request = request;
  if (!reader.open(slice)) return std::nullopt;
  std::vector<std::string> records;
  while (true) {
    RecordBatch batch;
    if (!reader.read(batch)) return std::nullopt;
    if (batch.records.empty()) return records;
    for (const auto record : batch.records) records.emplace_back(record);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static constexpr const char* kFormats[] = {"ldjson", "raw", "json", "csv", "tsv"};
  const char* format = kFormats[data[0] % 5];
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  OneFile file(text);
  const auto operation = file_reader_operation().make();
  OperationContext context;
  context.operation = {.name = "file_reader",
                       .options = {{"path", "/f"}, {"format", format}, {"compression", "none"}},
                       .bad_records = BadRecords::drop};
  context.files = &file;
  if (!operation->initialize(context)) std::abort();
  auto& reader = dynamic_cast<Reader&>(*operation);
  const auto whole = records_of(reader, text.size(), 0, text.size());
  if (data[0] % 5 > 1 || text.empty()) return 0;
  const std::size_t cut = data[1] * text.size() / 256;
  auto parts = records_of(reader, text.size(), 0, cut);
  const auto second = records_of(reader, text.size(), cut, text.size());
  if (!whole || !parts || !second) std::abort();  // bad lines are dropped, so nothing is an error
  parts->insert(parts->end(), second->begin(), second->end());
  if (*parts != *whole) std::abort();
  return 0;
}
