#include "api/dialects/tork/job/list_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace slicemill::api::tork {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TorkPages, AreClampedAndNeverRefusedForTheirSize) {
  const auto page = [](std::optional<std::string_view> number, std::optional<std::string_view> size,
                       const PageSizes& sizes = kJobPages) {
    const auto made = page_of(number, size, sizes);
    return std::make_pair(made->number, made->size);
  };
  EXPECT_EQ(page({}, {}), std::make_pair(1L, 10L));
  EXPECT_EQ(page("", ""), std::make_pair(1L, 10L));
  EXPECT_EQ(page("3", "5"), std::make_pair(3L, 5L));
  EXPECT_EQ(page("-2", "0"), std::make_pair(1L, 1L));
  EXPECT_EQ(page("0", "50"), std::make_pair(1L, 20L));
  EXPECT_EQ(page({}, {}, kLogPages), std::make_pair(1L, 25L));
  EXPECT_EQ(page({}, "1000", kLogPages), std::make_pair(1L, 100L));
  EXPECT_EQ((Page{11, 10}.offset()), 100);
  EXPECT_EQ((Page{std::numeric_limits<std::int64_t>::max(), 20}.offset()), std::numeric_limits<std::int64_t>::max());
}

TEST(TorkPages, WhatIsNoNumberIsNotFound) {
  for (const char* text : {"x", "1.5", "99999999999999999999", "1 2"}) {
    const auto number = page_of(text, {}, kJobPages);
    ASSERT_FALSE(number) << text;
    EXPECT_EQ(number.error().code, ErrorCode::not_found);
    EXPECT_EQ(number.error().message, std::string("invalid page number: ") + text);
    EXPECT_EQ(page_of({}, text, kJobPages).error().message, std::string("invalid size: ") + text);
  }
}

TEST(TorkPages, TheEnvelopeCountsItemsAndPages) {
  EXPECT_EQ(to_compact_text(page_document(Json::array({1}), {11, 10}, 101)),
            R"({"items":[1],"number":11,"size":1,"totalPages":11,"totalItems":101})");
  EXPECT_EQ(to_compact_text(page_document(nullptr, {5, 10}, 0)),
            R"({"items":[],"number":5,"size":0,"totalPages":0,"totalItems":0})");
  EXPECT_EQ(page_document(Json::array(), {1, 20}, 40)["totalPages"], 2);
}

std::vector<std::string> words_in(std::string_view q) {
  std::vector<std::string> words;
  const auto made = list_query(q);
  for (const auto& term : made->words.terms) {
    EXPECT_FALSE(term.is_prefix);
    words.push_back(term.text);
  }
  return words;
}

TEST(TorkQueries, TagsAreTakenOutOfTheWords) {
  const auto made = list_query("  nightly tag:Prod\ttags:a,,b import tag: tags:");
  ASSERT_TRUE(made);
  EXPECT_THAT(made->tags, ElementsAre("Prod", "a", "b"));
  EXPECT_THAT(words_in("  nightly tag:Prod import"), ElementsAre("nightly", "import"));
  EXPECT_THAT(list_query("")->words.terms, IsEmpty());
  EXPECT_THAT(list_query("tag:a")->words.terms, IsEmpty());
  EXPECT_THAT(list_query("Tag:a")->tags, IsEmpty());
}

TEST(TorkQueries, AreWordsWithoutSyntax) {
  EXPECT_THAT(words_in("The Nightly IMPORT of the orders"), ElementsAre("nightly", "import", "orders"));
  EXPECT_THAT(words_in("\"time outage\" ord* re-index"), ElementsAre("time", "outage", "ord", "re", "index"));
  EXPECT_THAT(words_in("& | ! -- \"open"), ElementsAre("open"));
  EXPECT_THAT(words_in("running"), ElementsAre("running"));
  EXPECT_FALSE(list_query(std::string(query::kMostSearchBytes + 1, 'a')));
}

}  // namespace
}  // namespace slicemill::api::tork
