// Words that a list is searched for. Pure, any thread.
//
// words := term (blank term)*      term := word ["*"] | '"' word (blank word)* '"'
//
// All terms must be found, in any field that is searched; how words are stemmed is the searcher's. A term in quotes is
// a phrase, a word that ends with * stands for all that begin with it. Punctuation separates words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::query {

struct SearchTerm {
  std::string text;  // words with blanks between them, never empty: letters and digits of any script, no quote
  bool is_prefix = false;
  bool operator==(const SearchTerm&) const = default;
};

struct SearchWords {
  std::string text;  // as it was written
  std::vector<SearchTerm> terms;
};

inline constexpr std::size_t kMostSearchBytes = 2'000;
inline constexpr std::size_t kMostSearchTerms = 64;

// invalid: a quote that is not closed, no word at all, more than the bounds above. The message names the character.
Result<SearchWords> parse_search_words(std::string_view text);

}  // namespace slicemill::query
