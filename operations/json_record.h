// Lazy access to the fields of one JSON record, and edits of its bytes. No DOM: what is not asked for is not parsed.
//
// A record is read as far as the asked fields need it, so damage behind them may pass unseen; that an object is closed
// is always checked. Keys are compared as they are written: a key with escapes in it (backslash sequences) is not
// found. Of repeated keys the first counts.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"
#include "operations/operation.h"

namespace slicemill {

// "a.b.c": a field within objects.
struct FieldPath {
  std::string text;
  std::vector<std::string> segments;

  // invalid for empty text and empty segments.
  static Result<FieldPath> parse(std::string_view text);
};

// The start of a record for messages: at most 120 bytes, control characters escaped.
std::string record_head(std::string_view record);

Error record_error(std::string_view record, simdjson::error_code code);

// For OperationSchema::check: the option, if given, is a good field path.
Result<void> check_field_option(const Json& options, const char* name);

namespace json_record {

using Object = simdjson::ondemand::object;
using Value = simdjson::ondemand::value;

// A record of a RecordBatch, as simdjson wants it.
inline simdjson::padded_string_view padded(std::string_view record) {
  return simdjson::padded_string_view(record.data(), record.size(), record.size() + RecordBatch::kPadding);
}

// True if the key that begins at `key` (behind its opening quote) within `record` is exactly `wanted`.
inline bool key_is(const char* key, std::string_view record, std::string_view wanted) {
  const auto left = static_cast<std::size_t>(record.data() + record.size() - key);
  return left > wanted.size() && key[wanted.size()] == '"' && std::string_view(key, wanted.size()) == wanted;
}

// The value's own bytes. Consumes the value.
simdjson::error_code bytes_of(Value& value, std::string_view& bytes);

}  // namespace json_record

// Where a field is within a record; all views point into the record.
struct FieldPlace {
  std::size_t depth = 0;       // how many segments of the path exist
  bool is_found = false;       // all of them
  bool is_blocked = false;     // segment `depth` was looked for in something that is not an object
  std::string_view member;     // of the found field: from the key's opening quote to the value's end
  std::string_view value;      // of the found field
  std::string_view container;  // the deepest existing object, from '{' to '}'
};

// Reads and changes fields of records for operations that edit bytes. One per operation.
class RecordEditor {
 public:
  Result<FieldPlace> locate(std::string_view record, const FieldPath& path);

  // The record with the field set to these JSON bytes; missing objects on the way are made. The result lives in the
  // batch. A field that exists stays as it is unless overwrite. invalid if something on the way is not an object.
  Result<std::string_view> set(RecordBatch& batch, std::string_view record, const FieldPath& path,
                               std::string_view json, bool overwrite);
  // The record without the field and one of its commas; the same bytes if there is no such field.
  Result<std::string_view> drop(RecordBatch& batch, std::string_view record, const FieldPath& path);
  // The field's JSON bytes, or nothing.
  Result<std::optional<std::string_view>> get(std::string_view record, const FieldPath& path);

 private:
  simdjson::ondemand::parser parser_;
};

// Runs edit(record) on every record: a view replaces it, an error goes to the rejecter.
template <typename Edit>
Result<void> edit_records(RecordBatch& batch, RecordRejecter& rejecter, Edit edit) {
  std::size_t kept = 0;
  for (const auto record : batch.records) {
    Result<std::string_view> edited = edit(record);
    if (!edited) {
      RETURN_IF_ERROR(rejecter.reject(record, edited.error()));
      continue;
    }
    batch.records[kept++] = *edited;
  }
  batch.records.resize(kept);
  return {};
}

}  // namespace slicemill
