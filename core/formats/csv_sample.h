// The types of columns as the first rows of csv and tsv files show them. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/cell_types.h"
#include "core/formats/file_reading.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// How much is looked at, of all files together.
inline constexpr std::uint64_t kSampleRows = 1000;
inline constexpr std::size_t kSampleBytes = 1 << 20;

class TypeSample {
 public:
  // reading: of csv or tsv, with types.
  explicit TypeSample(const FileReading& reading) : reading_(reading) {}

  // A file's beginning, with kScanPadding readable bytes behind; `last`: that is all of it. Rows that are bad do not
  // count. invalid: its header is a bad one.
  Result<void> take(std::string_view beginning, bool last);
  bool is_enough() const { return rows_ >= kSampleRows || bytes_ >= kSampleBytes; }
  std::uint64_t rows() const { return rows_; }
  // Of the columns whose types are to be inferred, in no order.
  InferredTypes types() const;
  // The columns in the order in which they were found, with the types that they will have: "id: integer, name: text".
  std::string to_text() const;

 private:
  FileReading reading_;
  std::uint64_t rows_ = 0;
  std::size_t bytes_ = 0;
  std::vector<std::string> names_;
  std::vector<ColumnSample> samples_;  // by name
};

// What a sample needs of a file, unpacked, with padding behind. Errors name the file.
struct FileBeginning {
  std::string text;  // with kScanPadding bytes behind what counts
  std::size_t size = 0;
  bool is_all = false;
  std::string_view view() const { return {text.data(), size}; }
};
Result<FileBeginning> read_beginning(Files& files, const FileReading& reading, const std::string& path);

// {"amount":"decimal"}, as slice requests carry it.
std::string to_json_text(const InferredTypes& types);
// invalid: it is something else.
Result<InferredTypes> inferred_types_from(const Json& json);

}  // namespace slicemill
