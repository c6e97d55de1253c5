// A test of one term: wildcards, a regular expression, or a range in the order of bytes. Immutable, any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/runtime/result.h"

namespace re2 {
class RE2;
}

namespace slicemill::query {

class TermPattern {
 public:
  // '*' is any text, '?' any one character; a backslash takes the meaning from what follows it.
  static TermPattern wildcard(std::string pattern);
  // RE2's syntax, over the whole term. Time grows with the length of the term only, whatever the expression.
  // invalid: broken, or too large.
  static Result<TermPattern> regex(std::string_view expression, bool ignore_case);

  struct Range {
    std::optional<std::string> low, high;  // none: open
    bool low_included = true;
    bool high_included = true;
  };
  static TermPattern range(Range range);

  bool matches(std::string_view term) const;
  // Whether one of the terms matches (form: core/query/field.h).
  bool matches_any(std::string_view terms) const;
  // Whether asking once for many terms takes much less than asking for each.
  bool is_search() const;

 private:
  struct Wildcard {
    std::string pattern;
  };
  struct Regex {
    std::shared_ptr<const re2::RE2> whole;
    std::shared_ptr<const re2::RE2> in_terms;  // finds a whole term among terms; null: it has to be tried term by term
  };

  explicit TermPattern(std::variant<Wildcard, Regex, Range> test) : test_(std::move(test)) {}

  std::variant<Wildcard, Regex, Range> test_;
};

}  // namespace slicemill::query
