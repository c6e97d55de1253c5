#include "core/query/search_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::query {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

SearchTerm word(const char* text) {
  return {text, false};
}

TEST(SearchWords, AreSeparatedByBlanksAndStandForThemselves) {
  const auto words = parse_search_words("  Nightly\timport, of v2.5 file_reader Größe ");
  ASSERT_TRUE(words);
  EXPECT_EQ(words->text, "  Nightly\timport, of v2.5 file_reader Größe ");
  EXPECT_THAT(words->terms, ElementsAre(word("nightly"), word("import"), word("of"), word("v2.5"), word("file_reader"),
                                        word("größe")));
}

TEST(SearchWords, QuotesMakePhrasesAndStarsPrefixes) {
  EXPECT_THAT(parse_search_words(R"("timed  out" ord* a"b c"d)")->terms,
              ElementsAre(word("timed out"), SearchTerm{"ord", true}, word("a"), word("b c"), word("d")));
  EXPECT_THAT(parse_search_words("a/b-c (d) or**")->terms, ElementsAre(word("a b c"), word("d"), word("or")));
}

TEST(SearchWords, PunctuationAloneIsNoWord) {
  EXPECT_THAT(parse_search_words("a & b -- \"\" * _ 1")->terms, ElementsAre(word("a"), word("b"), word("1")));
  for (const char* text : {"", " ", "\"\"", "* - _", "\"...\"", "\x01"}) {
    const auto words = parse_search_words(text);
    ASSERT_FALSE(words) << text;
    EXPECT_EQ(words.error().code, ErrorCode::invalid);
    EXPECT_THAT(words.error().message, HasSubstr("no word")) << text;
  }
}

TEST(SearchWords, AnOpenQuoteIsRefusedWithItsPlace) {
  EXPECT_EQ(parse_search_words("ab \"cd").error().message, "bad search at character 4: the quote is not closed");
}

TEST(SearchWords, HaveBounds) {
  std::string text = "a";
  for (std::size_t i = 1; i < kMostSearchTerms; ++i) text += " a";
  EXPECT_TRUE(parse_search_words(text));
  EXPECT_THAT(parse_search_words(text + " a").error().message, HasSubstr("65 words, at most 64"));
  EXPECT_TRUE(parse_search_words(std::string(kMostSearchBytes, 'a')));
  EXPECT_THAT(parse_search_words(std::string(kMostSearchBytes + 1, 'a')).error().message, HasSubstr("2001 bytes"));
}

}  // namespace
}  // namespace slicemill::query
