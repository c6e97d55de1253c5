// A filter of a list: a tree of tests, read against the fields of that list. Pure, any thread.
//
// A test names an indexed field or none: then any of them may match. Fields that are not indexed match nothing. Texts
// of type `text` are compared as words without regard to case, keywords exactly, dates and numbers as such.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/query/field.h"
#include "core/query/filter_tree.h"
#include "core/query/term_pattern.h"
#include "core/runtime/clock.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::query {

// What must hold, with every value read as its field's type. Leaves are tested against `value_of(*field, document)`.
struct Condition {
  enum class Kind : std::uint8_t {
    never,
    always,
    exists,    // field has a value
    equals,    // keyword: text
    contains,  // keywords, text: `text` (terms, see field.h) is found in the field's terms
    between,   // integer, boolean, date: low <= value <= high
    matches,   // keyword, keywords, text: pattern, on one of the terms
    group,     // all of must, none of must_not, and one of should unless something is required
  };

  Kind kind = Kind::never;
  const Field* field = nullptr;
  std::string text;
  std::int64_t low = INT64_MIN;
  std::int64_t high = INT64_MAX;
  std::optional<TermPattern> pattern;
  std::vector<Condition> must, must_not, should;
};

struct Filter {
  std::string text;
  Condition condition;
};

// now: what relative dates (now-1d) count from. invalid: the message names the character of the tree's text.
Result<Filter> bind_filter(const FilterTree& tree, std::span<const Field> fields, WallMs now);

// The one meaning of a condition; registries that test in their own way must agree with it.
bool holds(const Condition& condition, const Json& document);

}  // namespace slicemill::query
