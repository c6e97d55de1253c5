#include "api/dialects/tork/job/list_request.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill::api::tork {
namespace {

constexpr std::string_view kTag = "tag:";
constexpr std::string_view kTags = "tags:";

// In the order of letters.
constexpr std::array<std::string_view, 119> kFillWords = {
    "a",       "about",  "above", "after",      "again", "against", "all",     "am",        "an",    "and",
    "any",     "are",    "as",    "at",         "be",    "because", "been",    "before",    "being", "below",
    "between", "both",   "but",   "by",         "can",   "did",     "do",      "does",      "doing", "don",
    "down",    "during", "each",  "few",        "for",   "from",    "further", "had",       "has",   "have",
    "having",  "he",     "her",   "here",       "hers",  "herself", "him",     "himself",   "his",   "how",
    "i",       "if",     "in",    "into",       "is",    "it",      "its",     "itself",    "just",  "me",
    "more",    "most",   "my",    "myself",     "no",    "nor",     "not",     "now",       "of",    "off",
    "on",      "once",   "only",  "or",         "other", "our",     "ours",    "ourselves", "out",   "over",
    "own",     "same",   "she",   "should",     "so",    "some",    "such",    "than",      "that",  "the",
    "their",   "theirs", "them",  "themselves", "then",  "there",   "these",   "they",      "this",  "those",
    "through", "to",     "too",   "under",      "until", "up",      "very",    "was",       "we",    "were",
    "what",    "when",   "where", "which",      "while", "who",     "with",    "you",       "your"};
static_assert(std::ranges::is_sorted(kFillWords));

bool says_nothing(std::string_view word) {
  return std::ranges::binary_search(kFillWords, word);
}

Result<std::int64_t> number_of(std::optional<std::string_view> text, std::int64_t otherwise,
                               std::string_view complaint) {
  if (!text || text->empty()) return otherwise;
  const auto number = parse_integer(*text);
  if (!number) return Error{ErrorCode::not_found, fmt::format("{}: {}", complaint, *text), false};
  return *number;
}

}  // namespace

std::int64_t Page::offset() const {
  std::int64_t before = 0;
  if (__builtin_mul_overflow(number - 1, size, &before)) return std::numeric_limits<std::int64_t>::max();
  return before;
}

Result<Page> page_of(std::optional<std::string_view> page, std::optional<std::string_view> size,
                     const PageSizes& sizes) {
  ASSIGN_OR_RETURN(const auto number, number_of(page, 1, "invalid page number"));
  ASSIGN_OR_RETURN(const auto items, number_of(size, sizes.usual, "invalid size"));
  return Page{std::max<std::int64_t>(number, 1), std::clamp<std::int64_t>(items, 1, sizes.most)};
}

Json page_document(Json items, const Page& page, std::int64_t total) {
  if (!items.is_array()) items = Json::array();
  const auto count = items.size();
  Json out;
  out["items"] = std::move(items);
  out["number"] = page.number;
  out["size"] = count;
  out["totalPages"] = total / page.size + (total % page.size != 0 ? 1 : 0);
  out["totalItems"] = total;
  return out;
}

Result<ListQuery> list_query(std::string_view q) {
  if (q.size() > query::kMostSearchBytes)
    return Error{ErrorCode::invalid,
                 fmt::format("bad search: {} bytes, at most {} are read", q.size(), query::kMostSearchBytes), false};
  ListQuery made;
  std::string words;
  for (std::string_view rest = trimmed(q); !rest.empty(); rest = trimmed(rest)) {
    const auto word = rest.substr(0, rest.find_first_of(" \t\r\n\v\f"));
    rest.remove_prefix(word.size());
    if (word.starts_with(kTag)) {
      if (word.size() > kTag.size()) made.tags.emplace_back(word.substr(kTag.size()));
    } else if (word.starts_with(kTags)) {
      for (auto& tag : split(word.substr(kTags.size()), ','))
        if (!tag.empty()) made.tags.push_back(std::move(tag));
    } else {
      words += word;
      words += ' ';
    }
  }
  // Quotes and stars mean nothing here.
  std::ranges::replace_if(
      words, [](char c) { return c == '"' || c == '*'; }, ' ');
  auto parsed = query::parse_search_words(words);
  if (!parsed) {
    if (parsed.error().message.find("no word") != std::string::npos) return made;
    return parsed.error();
  }
  made.words.text = std::move(parsed->text);
  for (const auto& term : parsed->terms)
    for (auto& word : split(term.text, ' '))  // "re-index" is two words
      if (!word.empty() && !says_nothing(word)) made.words.terms.push_back({std::move(word), false});
  return made;
}

}  // namespace slicemill::api::tork
