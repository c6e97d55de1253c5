#include "core/runtime/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slicemill {
namespace {

using testing::HasSubstr;

TEST(Json, KeepsTheOrderOfMembers) {
  EXPECT_EQ(to_compact_text(*parse_json(R"({"b":1,"a":2})")), R"({"b":1,"a":2})");
}

TEST(Json, ErrorsNameLineAndColumn) {
  const auto broken = parse_json("{\n  \"a\": 1,\n  \"b\" 2\n}");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::invalid);
  EXPECT_THAT(broken.error().message, HasSubstr("line 3, column 7"));
  EXPECT_FALSE(parse_json(""));
  EXPECT_FALSE(parse_json("{} {}"));
}

TEST(Json, DeepNestingIsRefusedBeforeItIsParsed) {
  const std::string deep(1'000'000, '[');
  EXPECT_THAT(parse_json(deep).error().message, HasSubstr("nested deeper than 200"));
  EXPECT_TRUE(parse_json("{\"text\":\"" + deep + "\"}")) << "brackets within text are no nesting";
}

TEST(Json, InvalidUtf8IsAnError) {
  EXPECT_FALSE(parse_json("{\"a\":\"\xff\"}"));
}

TEST(Json, InvalidUtf8InAValueIsReplacedWhenWritten) {
  EXPECT_EQ(to_compact_text(Json("a\xff")), "\"a\xEF\xBF\xBD\"");
}

TEST(Yaml, ScalarsHaveTheTypesOfTheCoreSchema) {
  const auto value = parse_yaml("a: 1\nb: 1.5\nc: true\nd: ~\ne: 'true'\nf: [x, -2]\ng: \"7\"\nh: 1.2.3\n");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(*value, Json::parse(R"({"a":1,"b":1.5,"c":true,"d":null,"e":"true","f":["x",-2],"g":"7","h":"1.2.3"})"));
}

TEST(Yaml, ErrorsNameTheLine) {
  EXPECT_THAT(parse_yaml("a: 1\nb: [1, 2\nc: 3\n").error().message, HasSubstr("line"));
  EXPECT_THAT(parse_yaml("a: 1\na: 2\n").error().message, HasSubstr("\"a\" is given twice"));
}

TEST(JsonOrYaml, IsToldApartByTheFirstByte) {
  EXPECT_TRUE(parse_json_or_yaml("  {\"a\":1}"));
  EXPECT_TRUE(parse_json_or_yaml("a: 1"));
  EXPECT_FALSE(parse_json_or_yaml("{a: }"));
}

}  // namespace
}  // namespace slicemill
