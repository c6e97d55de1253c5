#include "cli/client/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::cli {
namespace {

TEST(Documents, MembersThatAreMissingOrOtherwiseAreEmpty) {
  const Json document = {{"text", "a"}, {"number", 5}, {"object", {{"x", 1}}}};
  EXPECT_EQ(text_of(document, "text"), "a");
  EXPECT_EQ(text_of(document, "number"), "");
  EXPECT_EQ(text_of(document, "none"), "");
  EXPECT_EQ(text_of(Json(5), "none"), "");
  EXPECT_EQ(number_of(document, "number"), 5);
  EXPECT_EQ(number_of(document, "text"), 0);
  EXPECT_EQ(number_of(object_of(document, "object"), "x"), 1);
  EXPECT_TRUE(object_of(document, "text").empty());
}

TEST(Documents, Times) {
  const Json document = {{"at", "2026-11-24T12:00:00.500Z"}, {"wrong", "soon"}};
  EXPECT_EQ(time_of(document, "at"), 1'795'521'600'500);
  EXPECT_EQ(time_of(document, "wrong"), std::nullopt);
  EXPECT_EQ(time_of(document, "none"), std::nullopt);
}

TEST(Documents, Durations) {
  EXPECT_EQ(duration_text(850), "850 ms");
  EXPECT_EQ(duration_text(12'999), "12 s");
  EXPECT_EQ(duration_text(250'000), "4 min 10 s");
  EXPECT_EQ(duration_text(240'000), "4 min");
  EXPECT_EQ(duration_text(11'100'000), "3 h 5 min");
  EXPECT_EQ(duration_text(187'200'000), "2 d 4 h");
  EXPECT_EQ(age_text(1'000, 61'000), "1m");
  EXPECT_EQ(age_text(1'000, 0), "0s");
  EXPECT_EQ(age_text(0, 86'400'000 * 3), "3d");
  EXPECT_EQ(age_text(std::nullopt, 0), "-");
}

TEST(Documents, Periods) {
  const auto ms = [](const char* text) {
    const auto period = parse_period_ms(text);
    return period ? *period : -1;
  };
  EXPECT_EQ(ms("90s"), 90'000);
  EXPECT_EQ(ms("15m"), 900'000);
  EXPECT_EQ(ms("2h"), 7'200'000);
  EXPECT_EQ(ms("30d"), 2'592'000'000);
  EXPECT_EQ(ms("1w"), 604'800'000);
  EXPECT_EQ(ms("1 day"), 86'400'000);
  EXPECT_EQ(ms("200ms"), 200);
  EXPECT_EQ(ms("0s"), 0);
  for (const char* wrong : {"", "soon", "-5s", "5 x", "d", "99999999999d"})
    EXPECT_FALSE(parse_period_ms(wrong).has_value()) << wrong;
}

TEST(Documents, YamlIsReadAsTheSameValue) {
  const Json value = {{"name", "a"},
                      {"odd", "a: b # c\nd"},
                      {"word", "yes"},
                      {"date", "2026-11-24"},
                      {"empty", ""},
                      {"number", 5},
                      {"half", 0.5},
                      {"none", nullptr},
                      {"flag", true},
                      {"list", {1, "two", {{"three", 3}, {"four", {5, 6}}}, Json::array({7, Json::array({8})})}},
                      {"nothing", Json::array()},
                      {"object", {{"inner", {{"most", "x"}}}}},
                      {"no object", Json::object()}};
  const auto read = parse_yaml(to_yaml(value));
  ASSERT_TRUE(read) << read.error().message << "\n" << to_yaml(value);
  EXPECT_EQ(*read, value) << to_yaml(value);
  const Json list = {{{"a", 1}, {"b", 2}}, {{"a", 3}}};
  EXPECT_EQ(to_yaml(list), "- a: 1\n  b: 2\n- a: 3\n");
  const Json id = {{"ex_id", "70f1a1f2-95a4-4cf1-b8fe-3e3b80a1c0e8"}};
  EXPECT_EQ(to_yaml(id), "ex_id: 70f1a1f2-95a4-4cf1-b8fe-3e3b80a1c0e8\n");
  EXPECT_EQ(*parse_yaml(to_yaml(id)), id);
}

TEST(Documents, ATableHasADashForWhatIsNotThere) {
  const std::vector<DocumentColumn> columns = {
      {"NAME", ColumnKind::text, [](const Json& document) { return text_of(document, "name"); }, false},
      {"MORE", ColumnKind::text, [](const Json& document) { return text_of(document, "more"); }, true}};
  EXPECT_EQ(render(table_of({Json::object()}, columns, false), {}), "NAME\n-\n");
  EXPECT_EQ(render(table_of({{{"more", "m"}}}, columns, true), {}), "NAME  MORE\n-     m\n");
}

}  // namespace
}  // namespace slicemill::cli
