#include "core/runtime/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/runtime/json.h"

namespace slicemill {
namespace {

const std::vector<std::string> kDocuments = {
    R"({})", R"({"a":1})", R"({"a":[],"b":{},"c":[{}],"d":[[1,2],{"x":null}]})",
    R"({"name":"a \"quoted\" \\ text, with {brackets} and [others]","n":-1500.0,"t":true,"é":"ü"})",
    R"({"operations":[{"_op":"id_range","end":10},{"_op":"noop"}],"deep":{"a":{"b":{"c":[1,[2,[3]]]}}}})"};

// Byte by byte, so that every place of a cut is tried.
std::string in_pieces(std::string_view text, const JsonTextForm& form) {
  JsonText writer(form);
  std::string out;
  for (const char& c : text) {
    EXPECT_FALSE(writer.is_whole());
    writer.write({&c, 1}, out);
  }
  EXPECT_TRUE(writer.is_whole());
  return out;
}

TEST(JsonText, IndentsAsTheLibraryDoes) {
  for (const auto& text : kDocuments) {
    const Json value = *parse_json(text);
    EXPECT_EQ(in_pieces(text, {.indent = 4}), to_pretty_text(value, 4));
    EXPECT_EQ(json_text(text, {.indent = 4}), to_pretty_text(value, 4));
    EXPECT_EQ(in_pieces(text, {}), text);
    EXPECT_EQ("[\n    " + in_pieces(text, {.indent = 4, .depth = 1}) + "\n]", to_pretty_text(Json::array({value}), 4));
    EXPECT_EQ(in_pieces(to_pretty_text(value, 2), {}), text);
  }
}

TEST(JsonText, LaysMembersOver) {
  const JsonMembers members = {{"a", R"("new")"}, {"deep", R"({"x":[1,{}]})"}, {"list", "[1,[]]"}, {"empty", "{}"}};
  for (const auto& text : kDocuments) {
    Json value = *parse_json(text);
    for (const auto& [name, laid] : members) value[name] = *parse_json(laid);
    EXPECT_EQ(in_pieces(text, {.laid_over = members}), to_compact_text(value));
    EXPECT_EQ(in_pieces(text, {.indent = 4, .laid_over = members}), to_pretty_text(value, 4));
  }
}

TEST(JsonText, PicksMembers) {
  const std::string text = R"({"a":{"b":1},"c":[{"a":2}],"d":"x","b":3})";
  EXPECT_EQ(in_pieces(text, {.only = {{"c", "b", "none"}}}), R"({"c":[{"a":2}],"b":3})");
  EXPECT_EQ(in_pieces(text, {.only = {{"none"}}}), "{}");
  EXPECT_EQ(in_pieces(text, {.laid_over = {{"d", "4"}, {"e", "5"}, {"f", "6"}}, .only = {{"d", "f"}}}),
            R"({"d":4,"f":6})");
  EXPECT_EQ(in_pieces(text, {.indent = 2, .only = {{"d"}}}), "{\n  \"d\": \"x\"\n}");
  EXPECT_EQ(in_pieces(text, {.left_out = {"a", "d", "none"}}), R"({"c":[{"a":2}],"b":3})");
  EXPECT_EQ(in_pieces(text, {.laid_over = {{"d", "4"}, {"e", "5"}}, .left_out = {"a", "d"}}),
            R"({"c":[{"a":2}],"b":3,"d":4,"e":5})");
}

}  // namespace
}  // namespace slicemill
