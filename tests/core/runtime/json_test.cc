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

std::string complaint(const Result<Json>& result) {
  return result ? "no error: " + to_compact_text(*result) : result.error().message;
}

TEST(Json, AKeyIsGivenOnceInAnObject) {
  EXPECT_EQ(complaint(parse_json("{\"a\": 1,\n \"a\": 2}")), "line 2, column 2: key \"a\" is given twice");
  EXPECT_EQ(complaint(parse_json(R"({"operations":[{"_op":"x"},{"end":1,"\u0065nd":2}]})")),
            "line 1, column 37: key \"end\" is given twice in operations[1]")
      << "however the key is escaped";
  EXPECT_EQ(complaint(parse_json(R"({"a\"b":1,"a\u0022b":2})")), "line 1, column 11: key \"a\"b\" is given twice");
  EXPECT_TRUE(parse_json(R"({"a":{"b":1},"b":{"a":1}})"));
  std::string many = "{";
  for (int i = 0; i < 40; ++i) many += "\"key " + std::to_string(i) + "\": 0, ";
  EXPECT_TRUE(parse_json(many + "\"key 40\": 0}"));
  EXPECT_THAT(complaint(parse_json(many + "\"key 20\": 0}")), HasSubstr("key \"key 20\" is given twice"));
}

TEST(Json, NothingFollowsTheDocument) {
  EXPECT_THAT(complaint(parse_json("{}\n}")), HasSubstr("line 2, column 1"));
  EXPECT_THAT(complaint(parse_json("{} {}")), HasSubstr("line 1, column 4"));
  EXPECT_THAT(complaint(parse_json(std::string("{}\n\0\0", 5))), HasSubstr("line 2, column 1: a NUL byte"));
  EXPECT_THAT(complaint(parse_yaml(std::string("a: 1\n\0", 6))), HasSubstr("line 2, column 1: a NUL byte"));
  EXPECT_TRUE(parse_json("{} \n\t"));
}

TEST(Json, ANumberThatDoesNotFitIsNoOtherNumber) {
  EXPECT_EQ(to_compact_text(*parse_json("[9223372036854775807,-9223372036854775808,18446744073709551615,0.1,0,0e0]")),
            "[9223372036854775807,-9223372036854775808,18446744073709551615,0.1,0,0.0]");
  for (const char* text : {"18446744073709551616", "-9223372036854775809", "1e400", "1e-400"}) {
    EXPECT_THAT(complaint(parse_json("{\"a\": " + std::string(text) + "}")), HasSubstr("line 1, column")) << text;
    EXPECT_THAT(complaint(parse_yaml("a: " + std::string(text))), HasSubstr("line 1, column 4")) << text;
  }
}

TEST(Json, GrowsNoFurtherThanItsLimit) {
  const std::string one = "\"" + std::string(100, 'x') + "\"";
  std::string list = "[" + one;
  for (int i = 0; i < 1000; ++i) list += "," + one;
  list += "]";
  EXPECT_TRUE(parse_json(list));
  EXPECT_TRUE(parse_json(list, 1 << 20));
  EXPECT_THAT(complaint(parse_json(list, 100'000)), HasSubstr("the document takes more than"));
}

TEST(Json, AnObjectOfManyMembersIsReadInTime) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  text += "\"last\":1}";
  const auto value = parse_json(text);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->size(), 200'001u);
}

TEST(Encoding, ByteOrderMarksSayHowToRead) {
  const auto in_units = [](std::string_view text, std::string mark, std::size_t unit, bool big_endian) {
    for (const char c : text) {
      std::string bytes(unit, '\0');
      bytes[big_endian ? unit - 1 : 0] = c;
      mark += bytes;
    }
    return mark;
  };
  const std::string json = R"({"a":1})";
  for (const auto& text :
       {"\xEF\xBB\xBF" + json, in_units(json, "\xFF\xFE", 2, false), in_units(json, "\xFE\xFF", 2, true),
        in_units(json, std::string("\xFF\xFE\0\0", 4), 4, false),
        in_units(json, std::string("\0\0\xFE\xFF", 4), 4, true)}) {
    EXPECT_EQ(complaint(parse_json(text)), "no error: " + json);
    EXPECT_EQ(complaint(parse_yaml(text)), "no error: " + json);
    EXPECT_EQ(complaint(parse_json_or_yaml(text)), "no error: " + json);
  }
  // U+1F600 as two units, then half of one.
  EXPECT_EQ(*parse_json(std::string("\xFE\xFF\0\"\xD8\x3D\xDE\x00\0\"", 10)), "\U0001F600");
  EXPECT_THAT(complaint(parse_json(std::string("\xFE\xFF\0\"\xD8\x3D\0\"", 8))),
              HasSubstr("line 1, column 2: this is not well-formed UTF-16"));
  EXPECT_THAT(complaint(parse_json(std::string("{\0}\0", 4))), HasSubstr("a NUL byte"));
}

TEST(Yaml, AliasesAndMergeKeysAreExpanded) {
  const auto value = parse_yaml(
      "base: &b {end: 10, size: 1}\nmore: &m {size: 2, x: [1]}\n"
      "one: {<<: *b, end: 20}\ntwo: {end: 30, <<: [*m, *b]}\ninline: {<<: {y: 1}}\nalias: [*b, *m]\n"
      "name: &n text\n*n : key\nquoted: {\"<<\": 1}\n");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(to_compact_text(*value),
            R"({"base":{"end":10,"size":1},"more":{"size":2,"x":[1]},"one":{"end":20,"size":1},)"
            R"("two":{"end":30,"size":2,"x":[1]},"inline":{"y":1},"alias":[{"end":10,"size":1},{"size":2,"x":[1]}],)"
            R"("name":"text","text":"key","quoted":{"<<":1}})");
  EXPECT_THAT(complaint(parse_yaml("a: &a 1\nb: {<<: *a}")),
              HasSubstr("line 2, column 9: the merge key << needs a map"));
  EXPECT_THAT(complaint(parse_yaml("a: &a {x: 1}\nb: {<<: *a, <<: *a}")), HasSubstr("line 2"));
  EXPECT_THAT(complaint(parse_yaml("a: *nowhere")), HasSubstr("alias *nowhere"));
  EXPECT_THAT(complaint(parse_yaml("a: &a [*a]")), HasSubstr("alias *a"));
}

TEST(Yaml, AliasesCannotGrowWithoutBounds) {
  std::string wide = "l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n", merged = "m0: &m0 {a: [x,x,x,x,x,x,x,x,x,x]}\n",
              deep = "d0: &d0 [x]\n";
  for (int i = 1; i < 9; ++i) {
    const auto name = [i](const char* letter, int less) { return letter + std::to_string(i - less); };
    wide += name("l", 0) + ": &" + name("l", 0) + " [";
    for (int k = 0; k < 10; ++k) wide += (k > 0 ? ",*" : "*") + name("l", 1);
    wide += "]\n";
    merged += name("m", 0) + ": &" + name("m", 0) + " {<<: *" + name("m", 1) + "";
    for (char c = 'b'; c < 'l'; ++c) merged += std::string(", ") + c + ": *" + name("m", 1);
    merged += "}\n";
  }
  for (int i = 1; i < 9; ++i) {
    deep += "d" + std::to_string(i) + ": &d" + std::to_string(i) + " ";
    for (int k = 0; k < 40; ++k) deep += "[";
    deep += "*d" + std::to_string(i - 1);
    for (int k = 0; k < 40; ++k) deep += "]";
    deep += "\n";
  }
  EXPECT_THAT(complaint(parse_yaml(wide)), HasSubstr("the document takes more than 64 MB"));
  EXPECT_THAT(complaint(parse_yaml(merged)), HasSubstr("the document takes more than 64 MB"));
  EXPECT_THAT(complaint(parse_yaml(deep)), HasSubstr("nested deeper than 200 levels"));
  EXPECT_THAT(complaint(parse_yaml(std::string(100'000, '['))), HasSubstr("nested deeper than 200 levels"));
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_THAT(complaint(parse_yaml(dashes)), HasSubstr("nested deeper than 200 levels"));
}

TEST(Yaml, IsOneDocument) {
  EXPECT_TRUE(parse_yaml("---\na: 1\n...\n"));
  EXPECT_TRUE(parse_yaml("%YAML 1.2\n---\na: 1\n"));
  EXPECT_EQ(complaint(parse_yaml("a: 1\n---\nb: 2\n")),
            "line 2, column 1: a second document begins; give one in a file");
  EXPECT_THAT(complaint(parse_yaml("a: 1\n}\n")), HasSubstr("line 2"));
  EXPECT_EQ(complaint(parse_yaml("")), "no error: null");
}

TEST(Yaml, KeysAreTextAndGivenOnce) {
  EXPECT_EQ(complaint(parse_yaml("a:\n  - end: 1\n    \"end\": 2\n")),
            "line 3, column 5: key \"end\" is given twice in a[0]");
  EXPECT_EQ(complaint(parse_yaml("1: a\nno: b\n010: c\n")), R"(no error: {"1":"a","no":"b","010":"c"})");
  for (const char* text : {"? [a]\n: b", "~: 1", "? {a: 1}\n: b"})
    EXPECT_THAT(complaint(parse_yaml(text)), HasSubstr("a key must be text")) << text;
}

TEST(Yaml, WhatOtherVersionsReadOtherwiseIsNoted) {
  YamlNotes notes;
  const auto value = parse_yaml(
      "a: 010\nb: no\nc: 1_000\nd: .inf\ne: \"010\"\nf: 0x1F\ng: 0o17\nh: +5\ni: 1e3\nj: -007\nk: 0\n", &notes);
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(to_compact_text(*value),
            R"({"a":"010","b":"no","c":"1_000","d":".inf","e":"010","f":31,"g":15,"h":5,"i":1000.0,"j":"-007","k":0})");
  ASSERT_EQ(notes.size(), 5u);
  EXPECT_THAT(notes[0],
              HasSubstr("line 1, column 4: 010 begins with a zero and is taken as text (as a number it is 10"));
  EXPECT_THAT(notes[1], HasSubstr("line 2, column 4: no is taken as text; write false"));
}

TEST(Yaml, TagsSayTheType) {
  EXPECT_EQ(complaint(parse_yaml(
                "a: !!str 1\nb: !!int \"2\"\nc: !!float 3\nd: !!bool \"true\"\ne: !!null ''\nf: ! 7\ng: !!map {}")),
            R"(no error: {"a":"1","b":2,"c":3.0,"d":true,"e":null,"f":"7","g":{}})");
  for (const char* text : {"a: !!binary aGk=", "a: !mine 1", "a: !!int x", "a: !!set {b}"})
    EXPECT_THAT(complaint(parse_yaml(text)), HasSubstr("line 1, column 4")) << text;
}

TEST(JsonOrYaml, IsToldApartByTheFirstByte) {
  EXPECT_TRUE(parse_json_or_yaml("  {\"a\":1}"));
  EXPECT_TRUE(parse_json_or_yaml("a: 1"));
  EXPECT_FALSE(parse_json_or_yaml("{a: }"));
}

}  // namespace
}  // namespace slicemill
