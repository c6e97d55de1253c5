// Paths of fields, as options name them: what a path means in a record, in one place for reading and writing.
//
//   a.b.c      the member "a.b.c" if the object has it, otherwise in its member "a" the path "b.c"
//   a\.b.c     the member "a.b", and in it "c"; a backslash makes a dot or a backslash stand for itself
//   items.0.x  in an array a number is the place of an item, counted from 0
//   items.x    in an array any other name goes into every item; what is found there is a list of values
//
// Of members with one name the last counts, as nearly every reader takes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/json_tokens.h"
#include "core/runtime/result.h"

namespace slicemill {

class FieldPath {
 public:
  struct Segment {
    JsonKey name;
    JsonKey rest;                            // this segment and those behind it, as one name
    std::optional<std::uint64_t> item = {};  // what it means in an array
  };

  FieldPath() = default;
  // invalid for empty text and empty segments.
  static Result<FieldPath> parse(std::string_view text);
  // The member of a record that has this very name.
  static FieldPath of_name(std::string_view name);

  // The path that of_name() would be, as options write it.
  static std::string text_of_name(std::string_view name);

  const std::string& text() const { return text_; }  // as it was given
  // All of it as one name, which counts before what is within.
  const std::string& whole_name() const { return segments_.front().rest.text(); }
  const std::vector<Segment>& segments() const { return segments_; }
  bool operator==(const FieldPath& other) const;

 private:
  FieldPath(std::string text, std::vector<std::string> names);

  std::string text_;
  std::vector<Segment> segments_;
};

// What a path names in one record. Kept by who looks for many, so that nothing is allocated anew.
struct FoundFields {
  std::vector<JsonValue> values;
  bool is_list = false;  // the path went into the items of an array
};

// The values of the field; none: the record has no such field. Requires: record.is_object().
void find_fields(const JsonValue& record, const FieldPath& path, FoundFields& found);
// The same from segment `from` on within a value.
void find_fields(const JsonValue& value, const FieldPath& path, std::size_t from, FoundFields& found);

// The last member of that name. Requires: object.is_object().
std::optional<JsonValue> find_member(const JsonValue& object, const JsonKey& name);

// The item of that number, if there are so many. Requires: array.is_array().
std::optional<JsonValue> find_item(const JsonValue& array, std::uint64_t number);

}  // namespace slicemill
