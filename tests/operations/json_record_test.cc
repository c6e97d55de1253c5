#include "operations/json_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "operations/json_cast.h"

namespace slicemill {
namespace {

using testing::HasSubstr;

FieldPath path(std::string_view text) {
  return *FieldPath::parse(text);
}

TEST(FieldPath, RefusesEmptyParts) {
  EXPECT_EQ(path("a.b").segments, (std::vector<std::string>{"a", "b"}));
  for (const auto* bad : {"", ".", "a.", ".a", "a..b"}) EXPECT_FALSE(FieldPath::parse(bad)) << bad;
}

TEST(RecordHead, IsShortAndPrintable) {
  EXPECT_EQ(record_head("a\x01\nb"), "a\\x01\\x0ab");
  EXPECT_THAT(record_head(std::string(500, 'x')), testing::EndsWith("xxx... (500 bytes)"));
}

class RecordEditorTest : public testing::Test {
 protected:
  std::string_view in(std::string_view record) {
    batch_.append_copy(record);
    return batch_.records.back();
  }
  std::string set(std::string_view record, std::string_view field, std::string_view json, bool overwrite = true) {
    const auto edited = editor_.set(batch_, in(record), path(field), json, overwrite);
    return edited ? std::string(*edited) : "error: " + edited.error().message;
  }
  std::string drop(std::string_view record, std::string_view field) {
    const auto edited = editor_.drop(batch_, in(record), path(field));
    return edited ? std::string(*edited) : "error: " + edited.error().message;
  }
  std::string get(std::string_view record, std::string_view field) {
    const auto value = editor_.get(in(record), path(field));
    if (!value) return "error: " + value.error().message;
    return *value ? std::string(**value) : "nothing";
  }

  RecordBatch batch_;
  RecordEditor editor_;
};

TEST_F(RecordEditorTest, GetsTheBytesOfAnyValue) {
  const auto* record = R"( { "a" : 1 , "b":{ "c" : [1, {"d":2}] , "e":"x,}" } ,"t":true} )";
  EXPECT_EQ(get(record, "a"), "1");
  EXPECT_EQ(get(record, "b.c"), R"([1, {"d":2}])");
  EXPECT_EQ(get(record, "b.e"), R"("x,}")");
  EXPECT_EQ(get(record, "b"), R"({ "c" : [1, {"d":2}] , "e":"x,}" })");
  EXPECT_EQ(get(record, "t"), "true");
  EXPECT_EQ(get(record, "b.x"), "nothing");
  EXPECT_EQ(get(record, "a.x"), "nothing");
  EXPECT_EQ(get(R"({"ab":1,"a":2})", "a"), "2");
  EXPECT_EQ(get(R"({"a":1,"a":2})", "a"), "1");
}

TEST_F(RecordEditorTest, SetsAndLeavesAllOtherBytes) {
  EXPECT_EQ(set(R"({ "a" : 1 , "b":2})", "a", "{}"), R"({ "a" : {} , "b":2})");
  EXPECT_EQ(set(R"({ "a" : 1 , "b":2})", "a", "9", false), R"({ "a" : 1 , "b":2})");
  EXPECT_EQ(set(R"({"b":2})", "a", "9", false), R"({"b":2,"a":9})");
  EXPECT_EQ(set(R"({"b":2 } )", "a", "9"), R"({"b":2,"a":9})");
  EXPECT_EQ(set("{}", "a", "9"), R"({"a":9})");
  EXPECT_EQ(set(" { } ", "a.b.c", "9"), R"( {"a":{"b":{"c":9}}})");
  EXPECT_EQ(set(R"({"a":{"b":1},"z":0})", "a.c", "9"), R"({"a":{"c":9,"b":1},"z":0})");
  EXPECT_EQ(set(R"({"a" : { },"z":0})", "a.c.d", "9"), R"({"a" : {"c":{"d":9} },"z":0})");
  EXPECT_EQ(set(R"({"z":0})", "q\"uote", "9"), R"({"z":0,"q\"uote":9})");
  EXPECT_THAT(set(R"({"a":{"b":5}})", "a.b.c", "9"),
              HasSubstr(R"(error: cannot set "a.b.c": "a.b" is not an object, in {"a":{"b":5}})"));
}

TEST_F(RecordEditorTest, DropsAFieldAndOneComma) {
  EXPECT_EQ(drop(R"({"a":1,"b":2,"c":3})", "a"), R"({"b":2,"c":3})");
  EXPECT_EQ(drop(R"({"a":1,"b":2,"c":3})", "b"), R"({"a":1,"c":3})");
  EXPECT_EQ(drop(R"({"a":1,"b":2,"c":3})", "c"), R"({"a":1,"b":2})");
  EXPECT_EQ(drop(R"({ "a" : 1 , "b" : [2] })", "b"), R"({ "a" : 1  })");
  EXPECT_EQ(drop(R"({ "a" : 1 })", "a"), "{  }");
  EXPECT_EQ(drop(R"({"a":{"b":1,"c":{}}})", "a.c"), R"({"a":{"b":1}})");
  EXPECT_EQ(drop(R"({"a":1})", "b"), R"({"a":1})");
  EXPECT_EQ(drop(R"({"a":1})", "a.b"), R"({"a":1})");
}

TEST_F(RecordEditorTest, BrokenRecordsAreNamed) {
  for (const auto* bad : {"", "[1]", "5", "\"a\"", "{\"a\":1", "{\"a\" 1}", "{\"a\":1,}", "{a:1}"}) {
    EXPECT_THAT(get(bad, "x.y"), HasSubstr("error: record is not a good JSON object: ")) << bad;
    EXPECT_THAT(get(bad, "x.y"), HasSubstr(std::string(", in ") + bad)) << bad;
  }
  EXPECT_THAT(get("{\"a\":{\"b\":}}", "a.b"), HasSubstr("not a good JSON object"));
}

std::string cast(std::string_view json, JsonCast to) {
  std::string out(json.size() + kCastGrowth, '\0');
  const auto end = write_cast(json, to, out.data());
  if (!end) return end.error().message;
  out.resize(static_cast<std::size_t>(*end - out.data()));
  return out;
}

TEST(JsonCast, ConvertsScalars) {
  EXPECT_EQ(cast("5", JsonCast::string), R"("5")");
  EXPECT_EQ(cast(R"("a\n")", JsonCast::string), R"("a\n")");
  EXPECT_EQ(cast("true", JsonCast::string), R"("true")");
  EXPECT_EQ(cast(R"("-12.50e3")", JsonCast::number), "-12.50e3");
  EXPECT_EQ(cast("12345678901234567890123", JsonCast::number), "12345678901234567890123");
  EXPECT_EQ(cast("true", JsonCast::number), "1");
  EXPECT_EQ(cast("12.9", JsonCast::integer), "12");
  EXPECT_EQ(cast(R"("-3.9")", JsonCast::integer), "-3");
  EXPECT_EQ(cast("1e3", JsonCast::integer), "1000");
  EXPECT_EQ(cast("7", JsonCast::integer), "7");
  EXPECT_EQ(cast("1", JsonCast::boolean), "true");
  EXPECT_EQ(cast(R"("false")", JsonCast::boolean), "false");
  EXPECT_EQ(cast("null", JsonCast::integer), "null");
}

TEST(JsonCast, RefusesWhatHasNoMeaning) {
  EXPECT_EQ(cast(R"("abc")", JsonCast::number), R"(cannot make a number of "abc")");
  for (const auto* bad :
       {R"("")", R"("1 ")", R"("01")", R"("1.")", R"(".5")", R"("+1")", R"("1e")", R"("NaN")", R"("0x1")"}) {
    EXPECT_THAT(cast(bad, JsonCast::number), HasSubstr("cannot make")) << bad;
  }
  EXPECT_THAT(cast("1e30", JsonCast::integer), HasSubstr("cannot make an integer"));
  EXPECT_THAT(cast("2", JsonCast::boolean), HasSubstr("cannot make a boolean"));
  EXPECT_THAT(cast("{}", JsonCast::string), HasSubstr("cannot make a scalar of {}"));
}

}  // namespace
}  // namespace slicemill
