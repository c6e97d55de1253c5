#include "connectors/postgres/table_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::postgres {
namespace {

using testing::HasSubstr;

SourceOptions options_of(const Json& json) {
  const auto options = SourceOptions::from(json);
  EXPECT_TRUE(options) << options.error().message;
  return *options;
}

TEST(TableSource, NamesAreQuoted) {
  EXPECT_EQ(options_of({{"table", "Orders"}}).from_clause(), "\"Orders\"");
  EXPECT_EQ(options_of({{"table", "shop.orders"}}).from_clause(), "\"shop\".\"orders\"");
  EXPECT_EQ(options_of({{"table", "\"a.b\".\"c\"\"d\""}}).from_clause(), "\"a.b\".\"c\"\"d\"");
  EXPECT_EQ(options_of({{"table", "t; DROP TABLE x"}}).from_clause(), "\"t; DROP TABLE x\"");
  EXPECT_EQ(options_of({{"query", "SELECT 1;\n ; "}}).from_clause(), "(SELECT 1\n) AS slicemill_query");
  for (const char* wrong : {"a.b.c", "a.", ".", "\"a"}) EXPECT_FALSE(SourceOptions::from({{"table", wrong}})) << wrong;
}

TEST(TableSource, LiteralsCannotEndEarly) {
  EXPECT_EQ(quoted_literal("it's"), "'it''s'");
  EXPECT_EQ(quoted_literal("a\\' OR 1"), "E'a\\\\'' OR 1'");
}

TEST(TableSource, RangesBecomeConditions) {
  const SourceOptions options = options_of({{"table", "t"}, {"where", "g = 1 -- one"}});
  KeyRange range{.key = {{"id"}, {"bigint"}}, .from = KeyValue{"5"}, .to = KeyValue{"9"}};
  EXPECT_EQ(range.condition(options),
            "(g = 1 -- one\n) AND \"id\" IS NOT NULL AND \"id\" >= '5'::bigint AND \"id\" < '9'::bigint");
  range.is_last = true;
  EXPECT_THAT(range.condition(options), HasSubstr("<= '9'::bigint"));
  const KeyRange pair{.key = {{"a", "b"}, {"integer", "text"}}, .from = KeyValue{"1", "x"}};
  EXPECT_EQ(pair.condition(options_of({{"table", "t"}})),
            "\"a\" IS NOT NULL AND \"b\" IS NOT NULL AND (\"a\", \"b\") >= ('1'::integer, 'x'::text)");
  const KeyRange nulls{.key = {{"a", "b"}, {"integer", "text"}}, .is_nulls = true};
  EXPECT_EQ(nulls.condition(options_of({{"table", "t"}})), "NOT (\"a\" IS NOT NULL AND \"b\" IS NOT NULL)");
  EXPECT_EQ(KeyRange().condition(options_of({{"table", "t"}})), "true");
}

TEST(TableSource, RequestsAreReadAsTheyWereWritten) {
  const KeyRange range{
      .key = {{"a"}, {"text"}}, .from = KeyValue{"\"\\ ä"}, .to = KeyValue{""}, .is_last = true, .snapshot = "0-1"};
  const auto read = KeyRange::from_text(range.to_text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->to_text(), range.to_text());
  EXPECT_EQ(read->from, range.from);
  for (const char* broken :
       {"", "[]", "{}", R"({"key":["a"],"types":[]})", R"({"key":["a"],"types":["int"],"from":[]})"})
    EXPECT_FALSE(KeyRange::from_text(broken)) << broken;
}

TEST(TableSource, OptionsAreJudged) {
  for (const auto& [json, words] : std::vector<std::pair<Json, std::string>>{
           {Json::object(), "table: give a table or a query"},
           {{{"table", "t"}, {"query", "q"}}, "table: give a table or a query"},
           {{{"table", "t"}, {"fields", {"a", "a"}}}, "fields: \"a\" is named twice"},
           {{{"table", "t"}, {"key", {""}}}, "key: \"\" is named twice, or empty"}}) {
    const auto options = SourceOptions::from(json);
    ASSERT_FALSE(options);
    EXPECT_THAT(options.error().message, HasSubstr(words));
  }
}

}  // namespace
}  // namespace slicemill::postgres
