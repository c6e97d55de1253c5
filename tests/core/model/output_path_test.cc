#include "core/model/output_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace slicemill {
namespace {

using testing::HasSubstr;

constexpr WallMs kMoment = 1'796'040'000'000;  // 2026-11-30T12:00:00Z, a Monday

std::string filled_path(const std::string& path, const std::string& name = "n", const std::string& ex_id = "e1") {
  const auto result = fill_output_path(path, {kMoment, name, ex_id});
  EXPECT_TRUE(result) << result.error().message;
  if (!result) return "";
  EXPECT_EQ(result->subdirectory, "");
  return result->path;
}

std::pair<std::string, std::string> both(const std::string& path) {
  const auto result = fill_output_path(path, {kMoment, "n", "e1"});
  EXPECT_TRUE(result) << result.error().message;
  return result ? std::pair(result->path, result->subdirectory) : std::pair<std::string, std::string>();
}

TEST(OutputPath, HasDateNameAndExecution) {
  EXPECT_EQ(filled_path("/out/{date}"), "/out/2026-11-30");
  EXPECT_EQ(filled_path("/out/{date:%Y/%m/%d}/{date:%H%M%S-%j-%G-W%V-%u-%y%%}"),
            "/out/2026/11/30/120000-334-2026-W49-1-26%");
  EXPECT_EQ(filled_path("/out/{name}/{ex_id}.ldjson", "errors of a day"), "/out/errors of a day/e1.ldjson");
  EXPECT_EQ(filled_path("/out/{ex_id}", "n", ""), "/out/{ex_id}") << "not known yet";
}

TEST(OutputPath, BracesMayBeLiteral) {
  EXPECT_EQ(filled_path("/out/{{date}}/{{{date}}}"), "/out/{date}/{2026-11-30}");
  EXPECT_EQ(filled_path("/out/{}/{1}/{ a}/}/{"), "/out/{}/{1}/{ a}/}/{");
  EXPECT_EQ(filled_path("/out"), "/out");
  EXPECT_FALSE(has_output_placeholder("/out/a"));
  EXPECT_TRUE(has_output_placeholder("/out/{a}"));
}

TEST(OutputPath, ANameLeadsNowhereElse) {
  EXPECT_EQ(filled_path("/{name}", ".."), "/%2E.");
  EXPECT_EQ(filled_path("/{name}", "."), "/%2E");
  EXPECT_EQ(filled_path("/{name}", ""), "/%00");
  EXPECT_EQ(filled_path("/{name}", "a/../b"), "/a%2F..%2Fb");
  EXPECT_EQ(filled_path("/{name}", std::string("a\0b\n", 4)), "/a%00b%0A");
  EXPECT_EQ(filled_path("/{name}", "100%"), "/100%25");
  EXPECT_LE(filled_path("/{name}", std::string(1000, 'x')).size(), 210u);
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "\xc3\xa4";
  const std::string cut = filled_path("/{name}", "x" + umlauts);
  EXPECT_EQ((cut.size() - 2) % 2, 0u) << "whole characters";
}

TEST(OutputPath, FieldsOfRecordsStandInASubdirectory) {
  using Both = std::pair<std::string, std::string>;
  EXPECT_EQ(both("/out/{country}"), Both("/out", "{field:country}"));
  EXPECT_EQ(both("/out/{date}/a-{c.d}-{name}/{at:%Y/%m}/{e:-none}/{date:%H}"),
            Both("/out/2026-11-30", "a-{field:c.d}-n/{field:at:%Y/%m}/{field:e:-none}/12"));
  EXPECT_EQ(both("{a}/x"), Both(".", "{field:a}/x"));
  EXPECT_EQ(both("/{a}"), Both("/", "{field:a}"));
  EXPECT_EQ(both("/o/{field:name}/{field:date:%Y}/{@t}"), Both("/o", "{field:name}/{field:date:%Y}/{field:@t}"));
  EXPECT_EQ(both("/{{a}}/{{b}}{c}{{d}}/{}"), Both("/{a}", "{{b}}{field:c}{{d}}/{{}}"));
}

TEST(OutputPath, WhatCannotBeMeantIsRefused) {
  for (const auto& [path, words] :
       {std::pair("/{name:x}", "only a date"), std::pair("/{date:%q}", "{date:%q}: \"%q\" is no"),
        std::pair("/{date:%}", "is no format of a date")}) {
    const auto refused = fill_output_path(path, {kMoment, "n", "e1"});
    ASSERT_FALSE(refused) << path;
    EXPECT_THAT(refused.error().message, HasSubstr(words));
    EXPECT_THAT(refused.error().message, HasSubstr("{{"));
  }
}

}  // namespace
}  // namespace slicemill
