// The types of a table's columns that its job wants inferred (`types: infer`): found in the first rows of the first
// files when the first of them is cut, and then those of all slices: they stand in requests and positions.
//
// TYPES := {"column":"integer",...}     words as in core/formats/cell_types.h
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/formats/csv_sample.h"
#include "core/formats/file_reading.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

class InferredColumns {
 public:
  InferredColumns() = default;
  // position: with or without a member "types". corrupt: it is none.
  static Result<InferredColumns> open(const FileReading& reading, const Json& position);

  // Looks into the files, in this order, if nothing is settled yet. needs_rows: they may still
  // grow; without any complete row nothing is settled. io:
  // a file could not be read; one that is broken is left out, as its reader will say it.
  Result<void> settle(Files& files, std::span<const std::string> paths, bool needs_rows);
  // TYPES, "{}" if none are settled; "" if the job wants none inferred.
  const std::string& text() const { return text_; }
  bool is_settled() const { return is_settled_; }
  // What was found, once.
  std::optional<std::string> take_notice() { return std::exchange(notice_, std::nullopt); }

 private:
  FileReading reading_;
  std::string text_;
  bool is_settled_ = false;
  std::optional<std::string> notice_;
};

// "id: integer, name: text, inferred from 20 rows of /data/a.csv": what a job would settle now. Errors as of the
// slicer; not_found: there is nothing to look at yet.
Result<std::string> preview_inferred_types(Files& files, const FileReading& reading);

}  // namespace slicemill
