#include "connectors/postgres/copy_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace slicemill::postgres {
namespace {

using testing::HasSubstr;

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

std::string field(const std::string& bytes) {
  return number(bytes.size(), 4) + bytes;
}

const std::string kHeader = std::string("PGCOPY\n\377\r\n\0", 11) + number(0, 8);

std::string decoded(Decoding decoding, const std::string& bytes, Decoding element = Decoding::text) {
  CopyDecoder decoder({{"c", "c", decoding, element}});
  RecordText text;
  const auto appended = decoder.append(kHeader + number(1, 2) + field(bytes), text);
  if (!appended) return "error: " + appended.error().message;
  return {text.data(), text.size()};
}

std::string numeric(const std::vector<std::uint16_t>& digits, int weight, std::uint16_t sign, std::uint16_t scale) {
  std::string bytes =
      number(digits.size(), 2) + number(static_cast<std::uint16_t>(weight), 2) + number(sign, 2) + number(scale, 2);
  for (const auto digit : digits) bytes += number(digit, 2);
  return decoded(Decoding::numeric, bytes);
}

TEST(CopyDecoder, NumericsKeepEachDigit) {
  EXPECT_EQ(numeric({}, 0, 0, 0), R"({"c":0})");
  EXPECT_EQ(numeric({}, 0, 0, 2), R"({"c":0.00})");
  EXPECT_EQ(numeric({1}, 1, 0, 0), R"({"c":10000})");
  EXPECT_EQ(numeric({12, 3456, 7800}, 1, 0x4000, 2), R"({"c":-123456.78})");
  EXPECT_EQ(numeric({1}, -2, 0, 8), R"({"c":0.00000001})");
  EXPECT_EQ(numeric({5000}, -1, 0, 1), R"({"c":0.5})");
  EXPECT_EQ(numeric({}, 0, 0xC000, 0), R"({"c":"NaN"})");
  EXPECT_EQ(numeric({}, 0, 0xD000, 0), R"({"c":"Infinity"})");
  EXPECT_THAT(numeric({}, 0, 0, 0).substr(0, 0) + decoded(Decoding::numeric, "short"), HasSubstr("another form"));
}

TEST(CopyDecoder, DatesFollowTheCalendarFarBack) {
  const auto date = [](std::int32_t days) {
    return decoded(Decoding::date, number(static_cast<std::uint32_t>(days), 4));
  };
  EXPECT_EQ(date(0), R"({"c":"2000-01-01"})");
  EXPECT_EQ(date(59), R"({"c":"2000-02-29"})");
  EXPECT_EQ(date(-1), R"({"c":"1999-12-31"})");
  EXPECT_EQ(date(-730119), R"({"c":"0001-01-01"})");
  EXPECT_EQ(date(-730120), R"({"c":"0000-12-31"})");
  EXPECT_EQ(date(-730486), R"({"c":"-0001-12-31"})");
  EXPECT_EQ(date(2921940), R"({"c":"+10000-01-01"})");
}

TEST(CopyDecoder, MomentsBefore2000AreNotOffByADay) {
  EXPECT_EQ(decoded(Decoding::timestamptz, number(static_cast<std::uint64_t>(-1), 8)),
            R"({"c":"1999-12-31T23:59:59.999999Z"})");
  EXPECT_EQ(decoded(Decoding::timestamp, number(1'500'000, 8)), R"({"c":"2000-01-01T00:00:01.5"})");
}

TEST(CopyDecoder, ArraysNest) {
  const auto array = [](const std::vector<std::uint64_t>& sizes, const std::vector<std::string>& elements) {
    std::string bytes = number(sizes.size(), 4) + number(0, 4) + number(23, 4);
    for (const auto size : sizes) bytes += number(size, 4) + number(1, 4);
    for (const auto& element : elements) bytes += element;
    return decoded(Decoding::array, bytes, Decoding::int4);
  };
  EXPECT_EQ(array({}, {}), R"({"c":[]})");
  EXPECT_EQ(array({2}, {field(number(7, 4)), number(0xffffffff, 4)}), R"({"c":[7,null]})");
  EXPECT_EQ(array({2, 1}, {field(number(1, 4)), field(number(2, 4))}), R"({"c":[[1],[2]]})");
  EXPECT_THAT(array({3}, {field(number(1, 4))}), HasSubstr("another form"));
  EXPECT_THAT(array({0x7fffffff, 0x7fffffff}, {}), HasSubstr("another form"));
}

TEST(CopyDecoder, TextIsEscapedAndJsonStaysOnOneLine) {
  EXPECT_EQ(decoded(Decoding::text, "a\"b\\c\n\x01"), R"({"c":"a\"b\\c\n\u0001"})");
  EXPECT_EQ(decoded(Decoding::json, "{\"a\":\r\n 1}"), R"({"c":{"a":   1}})");
  EXPECT_EQ(decoded(Decoding::jsonb, "\x01[1]"), R"({"c":[1]})");
  EXPECT_THAT(decoded(Decoding::jsonb, "\x02[1]"), HasSubstr("another form"));
}

TEST(CopyDecoder, MessagesThatAreCutOrOfAnotherTableAreErrors) {
  const std::string whole = kHeader + number(2, 2) + field(number(1, 4)) + field("text");
  const std::vector<CopiedColumn> columns = {{"a", "a", Decoding::int4, {}}, {"b", "b", Decoding::text, {}}};
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CopyDecoder decoder(columns);
    RecordText text;
    const auto appended = decoder.append(whole.substr(0, size), text);
    EXPECT_TRUE(!appended || (size == kHeader.size() && !*appended)) << size;
  }
  CopyDecoder decoder(columns);
  RecordText text;
  EXPECT_TRUE(*decoder.append(whole, text));
  EXPECT_TRUE(*decoder.append(number(2, 2) + number(0xffffffff, 4) + field(""), text));
  EXPECT_FALSE(*decoder.append(number(0xffff, 2), text));
  EXPECT_EQ(std::string(text.data(), text.size()), R"({"a":1,"b":"text"}{"a":null,"b":""})");
  EXPECT_FALSE(decoder.append(number(3, 2), text));
}

}  // namespace
}  // namespace slicemill::postgres
