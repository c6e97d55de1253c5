#include "api/http/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

MATCHER_P2(Pair, name, value, "") {
  return arg.name == name && arg.value == value;
}

TEST(SplitTarget, KnowsOriginAndAbsoluteForms) {
  auto parts = [](std::string_view target) {
    Target out = split_target(target);
    return std::pair(std::string(out.path), std::string(out.query));
  };
  EXPECT_EQ(parts("/a/b?x=1?y"), std::pair(std::string("/a/b"), std::string("x=1?y")));
  EXPECT_EQ(parts("/a#b?c"), std::pair(std::string("/a"), std::string()));
  EXPECT_EQ(parts("http://host:1/a?b"), std::pair(std::string("/a"), std::string("b")));
  EXPECT_EQ(parts("http://host"), std::pair(std::string("/"), std::string()));
  EXPECT_EQ(parts("http://host?b=1"), std::pair(std::string("/"), std::string("b=1")));
  EXPECT_EQ(parts("/go?to=http://host/x"), std::pair(std::string("/go"), std::string("to=http://host/x")));
  EXPECT_EQ(parts(""), std::pair(std::string("/"), std::string()));
  EXPECT_EQ(parts("*"), std::pair(std::string("*"), std::string()));
}

TEST(PathSegments, DecodesAfterSplitting) {
  EXPECT_THAT(*path_segments("/"), IsEmpty());
  EXPECT_THAT(*path_segments("/jobs"), ElementsAre("jobs"));
  EXPECT_THAT(*path_segments("/jobs/"), ElementsAre("jobs"));
  EXPECT_THAT(*path_segments("/jobs//"), ElementsAre("jobs", ""));
  EXPECT_THAT(*path_segments("/a%2Fb/c+d"), ElementsAre("a/b", "c+d"));
}

TEST(PercentDecode, RefusesBrokenEscapesAndBytesThatAreNoText) {
  EXPECT_EQ(*percent_decode("a%20%c3%A9"), "a \xC3\xA9");
  EXPECT_EQ(percent_decode("ab%4").error().message, "broken percent-encoding at byte 2 of \"ab%4\"");
  EXPECT_FALSE(percent_decode("%"));
  EXPECT_FALSE(percent_decode("%g0"));
  EXPECT_EQ(percent_decode("%C3").error().message, "\"%C3\" does not decode to UTF-8");
}

TEST(PercentDecode, FollowsTheTableOfWellFormedSequences) {
  for (const char* good : {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEF\xBF\xBF",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(percent_decode(good)) << good;
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "a\xFF"})
    EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(ParseQuery, KeepsOrderAndRepetitionAndNeverFails) {
  EXPECT_THAT(parse_query(""), IsEmpty());
  EXPECT_THAT(parse_query("a=1&b&&a=2&=3"), ElementsAre(Pair("a", "1"), Pair("b", ""), Pair("a", "2"), Pair("", "3")));
  EXPECT_THAT(parse_query("a+b=c%20d%2"), ElementsAre(Pair("a b", "c d%2")));
  EXPECT_THAT(parse_query("x=1=2"), ElementsAre(Pair("x", "1=2")));
}

TEST(Request, JoinsRepeatedQueryKeys) {
  Request request;
  request.query = parse_query("a=1&b=2&a=3");
  EXPECT_EQ(request.query_value("a"), "1,3");
  EXPECT_EQ(request.query_value("c"), std::nullopt);
  EXPECT_THROW(request.path_parameter("id"), std::logic_error);
}

}  // namespace
}  // namespace slicemill::api
