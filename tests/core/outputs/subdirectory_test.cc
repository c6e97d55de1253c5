#include "core/outputs/subdirectory.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/core/formats/padded.h"

namespace slicemill {
namespace {

using testing::HasSubstr;

// The directory of a record, or what is wrong, behind "!".
std::string place(const std::string& subdirectory, const std::string& record) {
  auto parsed = Subdirectory::parse(subdirectory);
  if (!parsed) return "!" + parsed.error().message;
  const Padded text(record);
  const std::vector<std::string_view> views = {text.view()};
  JsonIndexer indexer;
  JsonTokens tokens;
  EXPECT_TRUE(indexer.index(views, tokens)) << record;
  const auto found = parsed->place_of(tokens.value(tokens.texts()[0]));
  return found ? std::string(*found) : "!" + found.error().message;
}

TEST(Subdirectory, ConsistsOfTextsAndFields) {
  EXPECT_EQ(place("{field:a}", R"({"a":"x"})"), "x");
  EXPECT_EQ(place("v={field:a}/{field:b.c}/z", R"({"a":1.50,"b":{"c":true}})"), "v=1.50/true/z");
  EXPECT_EQ(place("{{{field:a}}}", R"({"a":"\u00e4"})"), "{\xc3\xa4}");
  EXPECT_EQ(place("/{field:a}//x/", R"({"a":"x"})"), "x/x");
  EXPECT_EQ(Subdirectory::parse("")->depth(), 0u);
  EXPECT_TRUE(Subdirectory::parse("")->is_empty());
  EXPECT_EQ(Subdirectory::parse("a/{field:a:%Y/%m}/{field:b:-x/y}/")->depth(), 4u);
  EXPECT_EQ(Subdirectory::parse("x{field:a.b}")->first_field(), "a.b");
}

TEST(Subdirectory, ValuesLeadNowhereElse) {
  for (const auto& [value, name] :
       {std::pair(R"("..")", "%2E."), std::pair(R"("")", "%00"), std::pair(R"("a/../b")", "a%2F..%2Fb"),
        std::pair(R"("\u0000\n")", "%00%0A"), std::pair(R"("%2E")", "%252E"), std::pair("-0.5e3", "-0.5e3")})
    EXPECT_EQ(place("{field:a}", std::string(R"({"a":)") + value + "}"), name);
  EXPECT_EQ(place("{field:a}", R"({"a":"\ud83d"})"),
            "!the field `a`, which the output's path names, holds half of a surrogate pair, which is no character");
  EXPECT_THAT(place("{field:a}", R"({"a":")" + std::string(256, 'x') + R"("})"), HasSubstr("is longer than 255 bytes"));
  EXPECT_THAT(place("{field:a:../%Y}", R"({"a":"2026-01-01"})"), HasSubstr("begins with a dot"));
  EXPECT_THAT(place("x//.y/{field:a}", R"({"a":1})"), HasSubstr("begins with a dot"));
}

TEST(Subdirectory, ARouteIsTheLastDirectory) {
  auto routes = *Subdirectory::parse("{route}");
  EXPECT_FALSE(routes.is_empty());
  EXPECT_FALSE(routes.has_fields());
  EXPECT_EQ(routes.depth(), 1u);
  for (const auto& [route, name] :
       {std::pair("a", "a"), std::pair("..", "%2E."), std::pair("a/b%", "a%2Fb%25"), std::pair("", "")})
    EXPECT_EQ(*routes.place_of_route(route), name);
  EXPECT_THAT(routes.place_of_route(std::string(256, 'x')).error().message, HasSubstr("is longer than 255 bytes"));
  EXPECT_EQ(Subdirectory::with_route(""), "{route}");
  EXPECT_EQ(Subdirectory::with_route("{route}"), "{route}");
  EXPECT_EQ(Subdirectory::with_route("{field:a}"), "{field:a}/{route}");
  EXPECT_EQ(Subdirectory::with_route("{field:a}/{route}"), "{field:a}/{route}");
  EXPECT_EQ(Subdirectory::parse("{field:a}/{route}")->depth(), 2u);
  EXPECT_EQ(place("{field:a}/{route}", R"({"a":"x"})"), "x") << "without a route";
  EXPECT_THAT(place("{route}/{field:a}", R"({"a":"x"})"), HasSubstr("{route}: a field is written {field:NAME}"));
}

TEST(Subdirectory, DatesHaveFormats) {
  EXPECT_EQ(place("{field:t:%Y/%m/%d %H}", R"({"t":"2026-12-31T23:30:00-02:00"})"), "2027/01/01 01");
  EXPECT_EQ(place("{field:t:%Y}", R"({"t":"1969-01-01"})"), "1969");
  EXPECT_THAT(place("{field:t:%Y}", R"({"t":"31.12.2026"})"), HasSubstr("is no ISO 8601 date: \"31.12.2026\""));
  EXPECT_THAT(place("{field:t:%Y}", R"({"t":20261231})"), HasSubstr("is no ISO 8601 date"));
}

TEST(Subdirectory, WhatIsMissingNeedsADefault) {
  EXPECT_THAT(place("{field:a}", "{}"), HasSubstr("`a`, which the output's path names, is not in the record"));
  EXPECT_EQ(place("{field:nam}", R"({"id":1,"name":"x"})"),
            "!the field `nam`, which the output's path names, is not in the record, whose fields are `{id}`, "
            "`{field:name}` (did you mean `{field:name}`?); `{nam:-none}` gives a default");
  EXPECT_THAT(place("{field:a}", R"({"a":null})"), HasSubstr("is null"));
  EXPECT_EQ(place("{field:a:-of/none}", "{}"), "of%2Fnone");
  EXPECT_EQ(place("{field:a:-none}", R"({"a":null})"), "none");
  EXPECT_EQ(place("{field:a:-none}", R"({"a":"x"})"), "x");
  EXPECT_THAT(place("{field:a:-none}", R"({"a":[1]})"), HasSubstr("is an array"));
  EXPECT_THAT(place("{field:a:-none}", R"({"a":{}})"), HasSubstr("is an object"));
  EXPECT_THAT(place("{field:a.b}", R"({"a":[{"b":1},{"b":2}]})"), HasSubstr("is a list of values"));
}

TEST(Subdirectory, OthersAreRefused) {
  EXPECT_THAT(place("a/b", "{}"), HasSubstr("names no field"));
  EXPECT_THAT(place("{a}", "{}"), HasSubstr("a field is written {field:NAME}"));
  EXPECT_THAT(place("{field:a", "{}"), HasSubstr("a field is written {field:NAME}"));
  EXPECT_THAT(place("}", "{}"), HasSubstr("literal brace"));
  EXPECT_THAT(place("{field:a..b}", "{}"), HasSubstr("{field:a..b}"));
  EXPECT_THAT(place("{field:a:%q}", "{}"), HasSubstr("\"%q\" is no format of a date"));
}

}  // namespace
}  // namespace slicemill
