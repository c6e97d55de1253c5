#include "core/query/search_words.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/query/field.h"

namespace slicemill::query {

namespace {

bool is_blank(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
}

// The words of a piece with blanks between them; "" if there is none.
std::string only_words(std::string_view piece) {
  std::string words = words_of(piece);
  std::ranges::replace(words, kTermEnd, ' ');
  if (words.find_first_not_of(" _.'") == words.npos) return "";
  return words.substr(1, words.size() - 2);
}

}  // namespace

Result<SearchWords> parse_search_words(std::string_view text) {
  if (text.size() > kMostSearchBytes)
    return Error{ErrorCode::invalid,
                 fmt::format("bad search: {} bytes, at most {} are read", text.size(), kMostSearchBytes)};
  SearchWords words;
  words.text = text;
  const auto add = [&words](std::string_view piece, bool is_prefix) {
    if (std::string term = only_words(piece); !term.empty()) words.terms.push_back({std::move(term), is_prefix});
  };
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
    } else if (text[at] == '"') {
      const auto end = text.find('"', at + 1);
      if (end == text.npos)
        return Error{ErrorCode::invalid, fmt::format("bad search at character {}: the quote is not closed", at + 1)};
      add(text.substr(at + 1, end - at - 1), false);
      at = end + 1;
    } else {
      const std::size_t begin = at;
      while (at < text.size() && !is_blank(text[at]) && text[at] != '"') ++at;
      const std::string_view piece = text.substr(begin, at - begin);
      add(piece, piece.size() > 1 && piece.back() == '*' && piece[piece.size() - 2] != '*');
    }
  }
  if (words.terms.empty())
    return Error{ErrorCode::invalid, "bad search: there is no word in it, which has letters or digits"};
  if (words.terms.size() > kMostSearchTerms)
    return Error{ErrorCode::invalid, fmt::format("bad search: {} words, at most {} are searched for",
                                                 words.terms.size(), kMostSearchTerms)};
  return words;
}

}  // namespace slicemill::query
