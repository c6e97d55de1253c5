#include "core/model/semver.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slicemill {
namespace {

SemVer version(const std::string& text) {
  const auto parsed = SemVer::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : SemVer();
}

// The ladder of section 11 of the specification, and some rungs of our own.
TEST(SemVer, Precedence) {
  const std::vector<std::string> ladder = {"0.0.1",      "0.2.0",        "1.0.0-0",       "1.0.0-2",
                                           "1.0.0-10",   "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                           "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
                                           "1.0.0",      "1.0.1",        "1.2.0",         "1.10.0",
                                           "2.0.0-rc.1", "2.0.0"};
  for (std::size_t i = 0; i < ladder.size(); ++i) {
    for (std::size_t j = 0; j < ladder.size(); ++j) {
      EXPECT_EQ(version(ladder[i]) < version(ladder[j]), i < j) << ladder[i] << " " << ladder[j];
    }
  }
  EXPECT_EQ(version("1.0.0+a"), version("1.0.0+b"));
  EXPECT_LT(version("1.0.0-99999999999999999999998"), version("1.0.0-99999999999999999999999"));
}

TEST(SemVer, Forms) {
  EXPECT_EQ(version(" v1.2.3 ").text(), "1.2.3");
  EXPECT_EQ(version("=1.2.3-a.1+build.7").text(), "1.2.3-a.1");
  EXPECT_EQ(version("1.0.0--x").text(), "1.0.0--x");
  for (const char* bad : {"", "1", "1.2", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+",
                          "a.b.c", "1.2.x", "-1.2.3", "1.2.3-ä", "99999999999999999999.0.0"}) {
    const auto parsed = SemVer::parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_NE(parsed.error().message.find(std::string("Invalid version \"") + bad + "\""), std::string::npos);
  }
}

struct RangeCase {
  const char* range;
  std::vector<std::string> in, out;
};

TEST(SemVerRange, Contains) {
  const std::vector<RangeCase> cases = {
      {"1.2.3", {"1.2.3", "1.2.3+b"}, {"1.2.4", "1.2.3-a"}},
      {"=1.2.3", {"1.2.3"}, {"1.2.2"}},
      {"1.2.x", {"1.2.0", "1.2.9", "1.2.0-a"}, {"1.3.0", "1.1.9", "1.3.0-a"}},
      {"1.2", {"1.2.0", "1.2.9"}, {"1.3.0"}},
      {"1", {"1.0.0", "1.9.0"}, {"2.0.0", "0.9.9", "2.0.0-a"}},
      {"1.x.x", {"1.5.0"}, {"2.0.0"}},
      {"*", {"0.0.1", "9.9.9-a"}, {}},
      {"", {"1.0.0"}, {}},
      {"^1.0", {"1.0.0", "1.9.9", "1.2.0-beta"}, {"2.0.0", "2.0.0-beta", "0.9.0"}},
      {"^1.2.3", {"1.2.3", "1.9.0"}, {"1.2.2", "1.2.3-a", "2.0.0"}},
      {"^0.2.3", {"0.2.3", "0.2.9"}, {"0.3.0", "0.2.2"}},
      {"^0.0.3", {"0.0.3"}, {"0.0.4"}},
      {"^0.0", {"0.0.9"}, {"0.1.0"}},
      {"^0", {"0.9.0"}, {"1.0.0"}},
      {"~1.2", {"1.2.0", "1.2.9"}, {"1.3.0"}},
      {"~1.2.3", {"1.2.3", "1.2.9"}, {"1.2.2", "1.3.0"}},
      {"~1", {"1.9.9"}, {"2.0.0"}},
      {">=1 <2", {"1.0.0", "1.9.9"}, {"2.0.0", "0.1.0"}},
      {">= 1.2 <1.4", {"1.2.0", "1.3.9"}, {"1.4.0", "1.1.0"}},
      {">1", {"2.0.0"}, {"1.9.9"}},
      {">1.2.3", {"1.2.4"}, {"1.2.3"}},
      {"<=1.2", {"1.2.9"}, {"1.3.0"}},
      {"<=1.2.3", {"1.2.3"}, {"1.2.4"}},
      {"<1.2", {"1.1.9"}, {"1.2.0"}},
      {"1.2 - 1.4", {"1.2.0", "1.4.9"}, {"1.5.0", "1.1.0"}},
      {"1.2.3 - 1.4.0", {"1.2.3", "1.4.0"}, {"1.4.1", "1.2.2"}},
      {"1.x || >=3.1", {"1.5.0", "3.1.0", "4.0.0"}, {"2.0.0", "3.0.0"}},
      {"<*", {}, {"0.0.0", "1.0.0"}},
  };
  for (const auto& entry : cases) {
    const auto range = SemVerRange::parse(entry.range);
    ASSERT_TRUE(range) << entry.range;
    for (const auto& text : entry.in) EXPECT_TRUE(range->contains(version(text))) << entry.range << " " << text;
    for (const auto& text : entry.out) EXPECT_FALSE(range->contains(version(text))) << entry.range << " " << text;
  }
}

TEST(SemVerRange, RefusesWhatIsNone) {
  for (const char* bad : {"one", "1.2.3.4", ">=", "^a", "1.2.x-a", "1..2", "1 - b", "|", ">=1 &&"}) {
    const auto range = SemVerRange::parse(bad);
    ASSERT_FALSE(range) << bad;
    EXPECT_EQ(range.error().message, std::string("Invalid version range \"") + bad + "\"");
  }
}

}  // namespace
}  // namespace slicemill
