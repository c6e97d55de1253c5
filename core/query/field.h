// The fields that lists can be filtered and sorted by, and how a field's value in a document is compared. Pure, any
// thread.
//
// Which fields there are is the dialect's; whatever else a document holds is stored, never searched. A document that
// lacks a field, or holds something there that is not of the field's type, has no value: nothing matches it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/runtime/json.h"

namespace slicemill::query {

enum class FieldType : std::uint8_t {
  keyword,   // one text, compared exactly
  keywords,  // a list of such texts
  text,      // words, compared without regard to case
  integer,   // fractions are cut off
  boolean,   // 0 or 1
  date,      // milliseconds since 1970
};

// What a field says, whatever it is called: of those that change without a new document, or mean something to lists.
enum class FieldRole : std::uint8_t {
  none,
  kind,  // job or execution
  job_id,
  ex_id,
  created,
  updated,
  deleted,
  deleted_on,
  name,
  status,
  has_errors,
  reason,
};

struct Field {
  std::string_view name;  // of the member in the documents of the list
  FieldType type = FieldType::keyword;
  FieldRole role = FieldRole::none;
};

// nullptr if there is no such field.
const Field* find_field(std::span<const Field> fields, std::string_view name);
const Field* find_field(std::span<const Field> fields, FieldRole role);

// What conditions are tested against: nothing, a number (integer, boolean, date), a text (keyword), or terms (keywords,
// text).
using Value = std::variant<std::monostate, std::int64_t, std::string>;
Value value_of(const Field& field, const Json& document);
// What lists are sorted by: as above, but a text field's text as it stands.
Value sort_value_of(const Field& field, const Json& document);

// terms := LF (term LF)*        so that LF term LF is found in it exactly if the term is one of them.
inline constexpr char kTermEnd = '\n';
// The words of a text, lower case, as terms. A word is a run of letters and digits; '.' and '\'' inside one belong to
// it.
std::string words_of(std::string_view text);
// Lower case of ASCII and of the letters that the C library knows.
std::string lower_case(std::string_view text);

}  // namespace slicemill::query
