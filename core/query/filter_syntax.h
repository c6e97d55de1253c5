// The filter language's text, taken apart: Lucene's query syntax. Knows no fields and no types. Pure, any thread.
//
// query   := clause ([operator] clause)*            operator := AND | && | OR | ||           without one: OR
// clause  := [+ | - | ! | NOT] (group | test)
// group   := [field ":"] "(" query ")" [boost]      a field before a group holds for the tests in it that name none
// test    := [field ":"] value [boost] | "_exists_" ":" field | "*" ":" "*"
// value   := word | word with * or ? | "quoted phrase" | /regular expression/ | range | (">" | ">=" | "<" | "<=") word
// range   := ("[" | "{") bound TO bound ("]" | "}")  bound := word | "quoted" | *       [ ] include their bound, { } do
// not boost   := "^" number                             accepted, means nothing here: results are not ranked
//
// A backslash takes the meaning from the character after it. Operators bind as Lucene has it, not by precedence: AND
// makes the clauses on both sides required, NOT forbids, and optional clauses count only where none is required. So
// `a OR b AND c` asks for b and c; write `a OR (b AND c)`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::query {

inline constexpr std::size_t kFilterBytes = 8192;
inline constexpr std::size_t kFilterDepth = 32;
inline constexpr std::size_t kFilterTests = 128;

struct FilterNode {
  enum class Kind : std::uint8_t {
    group,
    term,        // text
    phrase,      // text
    wildcard,    // text: escapes kept
    regex,       // text
    range,       // low, high
    exists,      // field
    everything,  // *:*
  };
  enum class Occur : std::uint8_t { should, must, must_not };

  Kind kind = Kind::group;
  Occur occur = Occur::should;  // in the group that it stands in
  std::size_t at = 0;           // byte in the text, for messages
  std::string field;            // "": none was named
  std::string text;
  std::optional<std::string> low, high;  // none: open
  bool low_included = true;
  bool high_included = true;
  std::vector<FilterNode> clauses;
};

// The root is a group. invalid: the message names the character.
Result<FilterNode> parse_filter_syntax(std::string_view text);

// "bad filter at character 7: expected a value". at: byte of text.
Error filter_error(std::string_view text, std::size_t at, std::string_view what);

}  // namespace slicemill::query
