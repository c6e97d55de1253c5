#include "api/dialects/teraslice/text_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/dialects/teraslice/display_text.h"

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

TEST(TextTable, PicturesAreWideMarksAreNotAndNothingActs) {
  EXPECT_EQ(table({{{"a", "\U0001f600!"}}, {{"a", "Z\u0301\u0302"}}, {{"a", "a\nb\t"}}, {{"a", "\x1b[1m\u202e"}}},
                  {"a"}, false),
            "\U0001f600!          \n"
            "Z\u0301\u0302            \n"
            "a\\nb\\t       \n"
            "\\x1b[1m\\u202e\n");
  EXPECT_EQ(table({{{"x", 1}}}, {"no\nsuch"}), "no\\nsuch\n--------\nN/A     \n");
}

TEST(TextTable, ALongCellIsCutAndWidensItsColumnNoFurther) {
  const std::string widest(kCellColumns, 'n');
  EXPECT_EQ(table({{{"a", widest}}}, {"a"}, false), widest + "\n");
  EXPECT_EQ(table({{{"a", widest + "n"}}}, {"a"}, false), widest.substr(1) + "\u2026\n");
  std::string wide;
  for (std::size_t i = 0; i < kCellColumns; ++i) wide += "日";
  const std::string cut = table({{{"a", wide}}}, {"a"}, false);
  EXPECT_EQ(display_width(cut.substr(0, cut.size() - 1)), kCellColumns - 1) << "99 wide ones and the ellipsis: " << cut;
  // Marks take no column; there is an end to them all the same.
  std::string marks = "Z";
  for (int i = 0; i < 100'000; ++i) marks += "\u0301";
  const std::vector<Json> records(100, Json{{"a", std::string(4'000'000, 'n')}, {"b", marks}});
  EXPECT_LT(table(records, {"a", "b"}).size(), 400'000u);
}

TEST(TextTable, CutsAtWholeCharactersByTheirWidth) {
  EXPECT_EQ(fitted("abcdef", 6, ""), "abcdef");
  EXPECT_EQ(fitted("abcdefg", 6, ""), "abcdef");
  EXPECT_EQ(fitted("日本語の仕事", 7, ""), "日本語");
  EXPECT_EQ(fitted("日本語の仕事", 7, "\u2026"), "日本語\u2026");
  EXPECT_EQ(fitted("aéZ\u0301\u0302x", 3, ""), "aéZ\u0301\u0302");
  EXPECT_EQ(fitted("a\U0001f468\u200d\U0001f469b", 4, ""), "a") << "a picture of two is one character";
  EXPECT_EQ(fitted("", 3, "\u2026"), "");
  EXPECT_EQ(fitted("\n\n", 3, "\u2026"), "\\n\u2026");
  EXPECT_EQ(display_width("\U0001f600\u65e5e\u0301"), 5u);
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
  std::string many;
  for (int i = 0; i < 100; ++i) many += "f" + std::to_string(i) + ",";
  request.query = {{"fields", many}};
  EXPECT_EQ(table_response(request, records, kDefaults).status, 200);
  request.query = {{"fields", many + "one_more"}};
  EXPECT_EQ(table_response(request, records, kDefaults).status, 400);
}

}  // namespace
}  // namespace slicemill::api::teraslice
