// Edits of the bytes of JSON records, and what is said of them in messages. What a path means is in
// core/formats/field_path.h.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/field_path.h"
#include "core/formats/json_tokens.h"
#include "core/runtime/result.h"
#include "operations/operation.h"

namespace slicemill {

// The start of a record for messages: at most 120 bytes, control characters escaped.
std::string record_head(std::string_view record);

// For OperationSchema::check: the option, if given, is a good field path.
Result<void> check_field_option(const Json& options, const char* name);

// To be made when a record comes in, refuted by one that has the field.
OperationRemark absent_field(const OperationContext& context, const FieldPath& path);

// Reads and changes fields of records for operations that edit bytes. One per operation. All bytes that an edit does
// not name stay as they are; what it makes lives in the batch. Objects are the records' values.
class RecordEditor {
 public:
  // The field's JSON bytes, or nothing; of a path through the items of an array a JSON array of the values.
  std::optional<std::string_view> get(RecordBatch& batch, const JsonValue& object, const FieldPath& path);

  // The record with the field set to these JSON bytes; missing objects on the way are made, and of members of one name
  // one is left. A field that exists stays as it is unless overwrite. invalid if something on the way is neither object
  // nor array, or an array has no such item.
  Result<std::string_view> set(RecordBatch& batch, std::string_view record, const JsonValue& object,
                               const FieldPath& path, std::string_view json, bool overwrite);
  // The record without the field, all members of its name, and their commas; the same bytes if there is no such field.
  std::string_view drop(RecordBatch& batch, std::string_view record, const JsonValue& object, const FieldPath& path);

  // A record that an edit made. Holds until the next call. Requires: it is well formed.
  JsonValue value_of(std::string_view record);

 private:
  // Bytes of the record that are replaced; only those that are taken away overlap.
  struct Edit {
    const char* begin;
    const char* end;
    std::string text;
  };

  std::string_view apply(RecordBatch& batch, std::string_view record);
  void replace(std::string_view bytes, std::string text) {
    edits_.push_back({bytes.data(), bytes.data() + bytes.size(), std::move(text)});
  }
  Result<void> set_in(const JsonValue& value, std::size_t from);
  Result<void> set_in_object(const JsonValue& object, std::size_t from);
  Result<void> set_in_array(const JsonValue& array, std::size_t from);
  void set_member(const JsonValue& object, const JsonKey& name);
  void make_member(const JsonValue& object, std::size_t from);
  void take_removed();
  bool drop_in(const JsonValue& value, std::size_t from);
  bool drop_members(const JsonValue& object, const JsonKey& name);
  void drop_item(const JsonValue& array, std::uint64_t number);
  Error blocked(std::size_t from, std::string_view why) const;

  // of the edit under way
  const FieldPath* path_ = nullptr;
  std::string_view json_;
  bool overwrite_ = false;
  std::string_view record_;
  std::vector<Edit> edits_;
  std::vector<std::string_view> removed_;

  FoundFields found_;
  JsonIndexer indexer_;
  JsonTokens tokens_;
};

}  // namespace slicemill
