#include "api/dialects/teraslice/text_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::api::teraslice {
namespace {

using ::testing::ElementsAre;
using Columns = std::vector<std::string>;

std::string table(const std::vector<Json>& records, const Columns& columns, bool with_header = true) {
  return text_table(records, columns, with_header);
}

TEST(TextTable, PadsEveryCellTheLastOneToo) {
  const std::vector<Json> records = {{{"name", "abc"}, {"version", "10.0.0"}, {"x", nullptr}},
                                     {{"name", "a"}, {"x", {"p", "q"}}}};
  EXPECT_EQ(table(records, {"name", "version", "x"}),
            "name  version  x   \n"
            "----  -------  ----\n"
            "abc   10.0.0   null\n"
            "a     N/A      p,q \n");
}

TEST(TextTable, WithoutHeaderWidthsAreThoseOfTheCells) {
  EXPECT_EQ(table({{{"name", "abc"}, {"version", 1}}, {{"name", "a"}, {"version", 10}}}, {"name", "version"}, false),
            "abc  1 \n"
            "a    10\n");
}

TEST(TextTable, HasOneBlankRowWithoutRecords) {
  EXPECT_EQ(table({}, {"name", "id"}),
            "name  id\n"
            "----  --\n"
            "        \n");
  EXPECT_EQ(table({}, {"name", "id"}, false), "  \n");
}

TEST(TextTable, CountsCharactersAsTerminalsShowThem) {
  EXPECT_EQ(table({{{"a", "é"}}, {{"a", "日本"}}, {{"a", "xyz"}}}, {"a"}, false),
            "é   \n"
            "日本\n"
            "xyz \n");
}

TEST(TextTable, ShowsValuesAsJavaScriptDoes) {
  const Json record = {{"int", 7},        {"whole", 3.0},         {"part", 2.5},
                       {"big", 1e20},     {"yes", true},          {"empty", ""},
                       {"none", nullptr}, {"object", {{"a", 1}}}, {"list", {1, nullptr, {2, 3}, {{"a", 1}}}}};
  EXPECT_EQ(cell_text(record, "int"), "7");
  EXPECT_EQ(cell_text(record, "whole"), "3");
  EXPECT_EQ(cell_text(record, "part"), "2.5");
  EXPECT_EQ(cell_text(record, "big"), "100000000000000000000");
  EXPECT_EQ(cell_text(record, "yes"), "true");
  EXPECT_EQ(cell_text(record, "empty"), "");
  EXPECT_EQ(cell_text(record, "none"), "null");
  EXPECT_EQ(cell_text(record, "object"), "[object Object]");
  EXPECT_EQ(cell_text(record, "list"), "1,,2,3,[object Object]");
  EXPECT_EQ(cell_text(record, "missing"), "N/A");
}

TEST(TextTable, FollowsPaths) {
  const Json record = {{"a.b", "whole name first"}, {"a", {{"b", 1}, {"c", {{"d", 2}}}}}, {"list", {{{"x", "first"}}}}};
  EXPECT_EQ(cell_text(record, "a.b"), "whole name first");
  EXPECT_EQ(cell_text(record, "a.c.d"), "2");
  EXPECT_EQ(cell_text(record, "list[0].x"), "first");
  EXPECT_EQ(cell_text(record, "list.0.x"), "first");
  EXPECT_EQ(cell_text(record, "list.length"), "1");
  for (const char* nowhere : {"list.1.x", "list.-1", "list.x", "a.c.d.e", "a.x.y", "", ".", "[]"})
    EXPECT_EQ(cell_text(record, nowhere), "N/A") << nowhere;
  EXPECT_EQ(cell_text(Json::array(), "a"), "N/A");
}

TEST(TextTable, FieldsReplaceTheColumns) {
  constexpr std::array<std::string_view, 2> kDefaults = {"name", "id"};
  Request request;
  EXPECT_THAT(table_columns(request, kDefaults), ElementsAre("name", "id"));
  request.query = {{"fields", ""}};
  EXPECT_THAT(table_columns(request, kDefaults), ElementsAre("name", "id"));
  request.query = {{"fields", "a.b, c,,c"}, {"fields", "d"}};
  EXPECT_THAT(table_columns(request, kDefaults), ElementsAre("a.b", "c", "d"));
}

TEST(TextTable, AnswersAsHtml) {
  constexpr std::array<std::string_view, 1> kDefaults = {"id"};
  Request request;
  const std::vector<Json> records = {{{"id", 1}}};
  EXPECT_EQ(table_response(request, records, kDefaults).body, "id\n--\n1 \n");
  EXPECT_EQ(table_response(request, records, kDefaults).content_type, "text/html; charset=utf-8");
  request.query = {{"headers", "false"}};
  EXPECT_EQ(table_response(request, records, kDefaults).body, "1\n");
  request.query = {{"headers", "no"}};
  EXPECT_EQ(table_response(request, records, kDefaults).body, "id\n--\n1 \n");
}

}  // namespace
}  // namespace slicemill::api::teraslice
