#include "core/formats/csv_sample.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/formats/byte_scan.h"
#include "core/formats/byte_source.h"
#include "core/formats/csv_reader.h"
#include "core/formats/json_scan.h"
#include "core/runtime/printable.h"

namespace slicemill {

Result<void> TypeSample::take(std::string_view beginning, bool last) {
  CsvOptions options = reading_.csv();
  std::vector<std::size_t> places;  // in samples_, by column
  const CsvReader* reading = nullptr;
  options.on_value = [&](std::size_t column, std::string_view value) {
    if (column == 0 && places.empty()) {
      for (const std::string& name : *reading->columns()) {
        const auto known = std::find(names_.begin(), names_.end(), name);
        places.push_back(static_cast<std::size_t>(known - names_.begin()));
        if (known != names_.end()) continue;
        names_.push_back(name);
        samples_.emplace_back(*reading_.types);
      }
    }
    if (column == 0 && rows_ <= kSampleRows) ++rows_;
    if (rows_ <= kSampleRows) samples_[places[column]].take(value);
  };
  CsvReader reader(std::move(options));
  reading = &reader;
  RecordText none;
  bytes_ += beginning.size();
  RETURN_IF_ERROR(reader.read(beginning, last, none, [](const BadCsvRow&) { return Result<void>(); }));
  rows_ = std::min(rows_, kSampleRows);
  return {};
}

InferredTypes TypeSample::types() const {
  InferredTypes types;
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (reading_.types->is_inferred(names_[i])) types.emplace(names_[i], samples_[i].type());
  return types;
}

std::string TypeSample::to_text() const {
  const InferredTypes inferred = types();
  std::string text;
  for (const std::string& name : names_) {
    if (!text.empty()) text += ", ";
    text += printable(name) + ": ";
    text += to_string(reading_.types->rule(name, inferred).type);
  }
  return text;
}

Result<FileBeginning> read_beginning(Files& files, const FileReading& reading, const std::string& path) {
  ASSIGN_OR_RETURN(auto file, files.open(path));
  std::array<char, kContentBytes> first;
  ASSIGN_OR_RETURN(const std::size_t size, file->read_at(0, first));
  const auto compression = reading.compression_of(path, {first.data(), size});
  if (!compression) return with_context(compression.error(), printable(path));
  ASSIGN_OR_RETURN(const FileStat stat, file->stat());
  ASSIGN_OR_RETURN(const auto source,
                   decompressed(*compression, file_source(std::move(file), printable(path), 0, stat.size),
                                printable(path), reading.zstd_window_log));
  FileBeginning beginning;
  beginning.text.resize(kSampleBytes + kScanPadding);
  while (beginning.size < kSampleBytes && !beginning.is_all) {
    auto got = source->read({beginning.text.data() + beginning.size, kSampleBytes - beginning.size});
    // Damage further back is the reader's to find: what came before it is a sample.
    if (!got && (got.error().code == ErrorCode::io || beginning.size == 0)) return got.error();
    if (!got) break;
    beginning.size += *got;
    beginning.is_all = *got == 0;
  }
  return beginning;
}

std::string to_json_text(const InferredTypes& types) {
  std::string text = "{";
  for (const auto& [name, type] : types) {
    if (text.size() > 1) text.push_back(',');
    text.append(json_quoted(name)).append(":\"").append(to_string(type)).push_back('"');
  }
  return text + "}";
}

Result<InferredTypes> inferred_types_from(const Json& json) {
  InferredTypes types;
  const Error wrong(ErrorCode::invalid, "inferred types: must be an object of types by column", false);
  if (!json.is_object()) return wrong;
  for (const auto& [name, word] : json.items()) {
    const auto type = word.is_string() ? cell_type_from(word.get_ref<const std::string&>()) : std::nullopt;
    if (!type) return wrong;
    types.emplace(name, *type);
  }
  return types;
}

}  // namespace slicemill
