// Which directory below the output a record belongs to: the part of a path that names fields of the records, or their
// route.
//
// subdirectory := component ("/" component)*           "{field:country}/{field:time:%Y/%m}"
// component    := (text | "{{" | "}}" | "{field:" path [":" format | ":-" default] "}")* | "{route}"
//   path       := core/formats/field_path.h            format := as in core/model/output_path.h, of ISO 8601 dates
// "{route}" is the last component; a record without a route goes into the directory around it.
//
// No value leads out of the output, or hides in it: what cannot stand in a name is escaped. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/field_path.h"
#include "core/runtime/result.h"

namespace slicemill {

class Subdirectory {
 public:
  // "": no subdirectory. invalid: it is none, with what is wrong.
  static Result<Subdirectory> parse(std::string_view text);
  // The same directories, and in each of them one for each route.
  static std::string with_route(const std::string& text);

  bool is_empty() const { return pieces_.empty() && !has_route_; }
  std::size_t depth() const { return depth_; }  // of directories
  // Of the first field, as errors name it.
  const std::string& first_field() const;
  bool has_fields() const { return !first_field().empty(); }
  bool has_route() const { return has_route_; }
  struct NamedField {
    FieldPath field;
    bool has_default;
  };
  std::vector<NamedField> fields() const;

  // "DE/2026-11"; holds until the next call. invalid, naming the field: the record has no value that can stand in a
  // path. Requires: record.is_object(). "": the output's own directory, of a record without a route.
  Result<std::string_view> place_of(const JsonValue& record, std::string_view route = {}) {
    return compose(&record, route);
  }
  // The same of a record that was not looked at. Requires: !has_fields().
  Result<std::string_view> place_of_route(std::string_view route) { return compose(nullptr, route); }

 private:
  struct Piece {
    std::string text;  // literal, if there is no field
    std::optional<FieldPath> field{};
    std::string format{};                      // of a date; "": as the value is
    std::optional<std::string> when_absent{};  // what stands for a value that is absent or null
  };

  Result<std::string_view> compose(const JsonValue* record, std::string_view route);
  Result<void> append_value(const Piece& piece, const JsonValue& record);

  std::vector<Piece> pieces_;
  bool has_route_ = false;  // behind the pieces
  std::size_t depth_ = 0;
  FoundFields found_;
  std::string place_, text_;
};

}  // namespace slicemill
