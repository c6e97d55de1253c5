// Filters of lists as clients write them: Lucene's query syntax. Knows no fields and no types. Pure, any thread.
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
#include <span>
#include <string_view>

#include "core/query/filter.h"
#include "core/query/filter_tree.h"
#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

inline constexpr std::size_t kFilterBytes = 8192;
inline constexpr std::size_t kFilterDepth = 32;
inline constexpr std::size_t kFilterTests = 128;

// The root is a group. invalid: the message names the character.
Result<query::FilterTree> parse_filter_syntax(std::string_view text);

// The same, read against the fields of a list. now: what relative dates (now-1d) count from.
Result<query::Filter> parse_filter(std::string_view text, std::span<const query::Field> fields, WallMs now);

}  // namespace slicemill::api::teraslice
