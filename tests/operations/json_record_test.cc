#include "operations/json_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/formats/json_cast.h"
#include "operations/record_tokens.h"

namespace slicemill {
namespace {

using testing::HasSubstr;

FieldPath path(std::string_view text) {
  return *FieldPath::parse(text);
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
    RecordEditor values;
    const std::string_view text = in(record);
    const auto edited = editor_.set(batch_, text, values.value_of(text), path(field), json, overwrite);
    return edited ? std::string(*edited) : "error: " + edited.error().message;
  }
  std::string drop(std::string_view record, std::string_view field) {
    RecordEditor values;
    const std::string_view text = in(record);
    return std::string(editor_.drop(batch_, text, values.value_of(text), path(field)));
  }
  std::string get(std::string_view record, std::string_view field) {
    RecordEditor values;
    const auto value = editor_.get(batch_, values.value_of(in(record)), path(field));
    return value ? std::string(*value) : "nothing";
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
  EXPECT_EQ(get(R"({"a":1,"a":2})", "a"), "2");
  EXPECT_EQ(get(R"({"items":[{"n":1},{"n":"x"}]})", "items.n"), R"([1,"x"])");
  EXPECT_EQ(get(R"({"items":[{"n":1},{"n":"x"}]})", "items.1.n"), R"("x")");
}

TEST_F(RecordEditorTest, SetsAndLeavesAllOtherBytes) {
  EXPECT_EQ(set(R"({ "a" : 1 , "b":2})", "a", "{}"), R"({ "a" : {} , "b":2})");
  EXPECT_EQ(set(R"({ "a" : 1 , "b":2})", "a", "9", false), R"({ "a" : 1 , "b":2})");
  EXPECT_EQ(set(R"({"b":2})", "a", "9", false), R"({"b":2,"a":9})");
  EXPECT_EQ(set(R"({"b":2 } )", "a", "9"), R"({"b":2,"a":9 } )");
  EXPECT_EQ(set("{}", "a", "9"), R"({"a":9})");
  EXPECT_EQ(set(" { } ", "a.b.c", "9"), R"( {"a":{"b":{"c":9}} } )");
  EXPECT_EQ(set(R"({"a":{"b":1},"z":0})", "a.c", "9"), R"({"a":{"b":1,"c":9},"z":0})");
  EXPECT_EQ(set(R"({"a" : { },"z":0})", "a.c.d", "9"), R"({"a" : {"c":{"d":9} },"z":0})");
  EXPECT_EQ(set(R"({"z":0})", "q\"uote", "9"), R"({"z":0,"q\"uote":9})");
  EXPECT_EQ(set(R"({"k":1,"x":0,"k":2,"\u006b":3})", "k", "9"), R"({"x":0,"\u006b":9})");
  EXPECT_EQ(set(R"({"k":1,"k":2})", "k", "9", false), R"({"k":1,"k":2})");
  EXPECT_EQ(set(R"({"pr\u00e9nom":1})", "prénom", "9"), R"({"pr\u00e9nom":9})");
  EXPECT_EQ(set(R"({"a.b":1,"a":{"b":2}})", "a.b", "9"), R"({"a.b":9,"a":{"b":2}})");
  EXPECT_EQ(set(R"({"a.b":1})", R"(c\.d)", "9"), R"({"a.b":1,"c.d":9})");
  EXPECT_EQ(set(R"({"i":[{"n":1},{}]})", "i.n", "9"), R"({"i":[{"n":9},{"n":9}]})");
  EXPECT_EQ(set(R"({"i":[{"n":1},{}]})", "i.n", "9", false), R"({"i":[{"n":1},{"n":9}]})");
  EXPECT_EQ(set(R"({"i":[1,2]})", "i.1", "9"), R"({"i":[1,9]})");
  EXPECT_THAT(set(R"({"i":[1,2]})", "i.2", "9"), HasSubstr(R"(cannot set "i.2": "i" has no item 2)"));
  EXPECT_THAT(set(R"({"i":[1,2]})", "i.n", "9"), HasSubstr(R"("i" has items that are not objects)"));
  EXPECT_THAT(set(R"({"a":{"b":5}})", "a.b.c", "9"),
              HasSubstr(R"(error: cannot set "a.b.c": "a.b" is not an object, in {"a":{"b":5}})"));
}

TEST_F(RecordEditorTest, DropsAFieldAndOneComma) {
  EXPECT_EQ(drop(R"({"a":1,"b":2,"c":3})", "a"), R"({"b":2,"c":3})");
  EXPECT_EQ(drop(R"({"a":1,"b":2,"c":3})", "b"), R"({"a":1,"c":3})");
  EXPECT_EQ(drop(R"({"a":1,"b":2,"c":3})", "c"), R"({"a":1,"b":2})");
  EXPECT_EQ(drop(R"({ "a" : 1 , "b" : [2] })", "b"), R"({ "a" : 1 })");
  EXPECT_EQ(drop(R"({ "a" : 1 })", "a"), "{ }");
  EXPECT_EQ(drop(R"({"a":{"b":1,"c":{}}})", "a.c"), R"({"a":{"b":1}})");
  EXPECT_EQ(drop(R"({"a":1})", "b"), R"({"a":1})");
  EXPECT_EQ(drop(R"({"a":1})", "a.b"), R"({"a":1})");
  EXPECT_EQ(drop(R"({"k":1,"x":0,"\u006b":2})", "k"), R"({"x":0})");
  EXPECT_EQ(drop(R"({"x":0,"k":1,"k":2})", "k"), R"({"x":0})");
  EXPECT_EQ(drop(R"({"k":1,"k":2})", "k"), "{}");
  EXPECT_EQ(drop(R"({"a":{"b":1},"a":{"b":2,"c":3}})", "a.b"), R"({"a":{},"a":{"c":3}})");
  EXPECT_EQ(drop(R"({"a":{"b":1},"a":5})", "a.b"), R"({"a":{},"a":5})");
  EXPECT_EQ(drop(R"({"user.name":1,"user":{"name":2}})", "user.name"), R"({"user":{"name":2}})");
  EXPECT_EQ(drop(R"({"i":[{"n":1,"m":2},[{"n":3}],4]})", "i.n"), R"({"i":[{"m":2},[{}],4]})");
  EXPECT_EQ(drop(R"({"i":[1, 2, 3]})", "i.1"), R"({"i":[1, 3]})");
  EXPECT_EQ(drop(R"({"i":[1,2,3]})", "i.2"), R"({"i":[1,2]})");
}

TEST(NotAnObject, SaysWhatIsWrong) {
  const auto said = [](std::string record) {
    const std::size_t size = record.size();
    record.append(64, ' ');
    return not_an_object(std::string_view(record).substr(0, size)).message;
  };
  EXPECT_EQ(said("{\"a\" 1}"), "record is not a good JSON object: byte 5: expected ':', in {\"a\" 1}");
  EXPECT_EQ(said("[1]"), "record is an array, not a JSON object, in [1]");
  EXPECT_EQ(said(" 5"), "record is a number, not a JSON object, in  5");
  EXPECT_EQ(said("\"x\""), "record is a text, not a JSON object, in \"x\"");
  EXPECT_THAT(said("{\"a\":\"ok\xC3\xA9\xC3\"}"), HasSubstr("record is not UTF-8: byte 10 (0xc3), in "));
  EXPECT_THAT(said(std::string(2000, '[')), HasSubstr("record is nested deeper than 1024 levels (byte 1024), in "));
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
  EXPECT_EQ(cast(R"("9007199254740993.0")", JsonCast::integer), "9007199254740993");
  EXPECT_EQ(cast("9007199254740993.5", JsonCast::integer), "9007199254740993");
  EXPECT_EQ(cast("123456789012345678901234567890.5", JsonCast::integer), "123456789012345678901234567890");
  EXPECT_EQ(cast("1e30", JsonCast::integer), "1" + std::string(30, '0'));
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
  EXPECT_THAT(cast("1e300", JsonCast::integer), HasSubstr("cannot make an integer"));
  EXPECT_THAT(cast("2", JsonCast::boolean), HasSubstr("cannot make a boolean"));
  EXPECT_THAT(cast("{}", JsonCast::string), HasSubstr("cannot make a scalar of {}"));
}

}  // namespace
}  // namespace slicemill
