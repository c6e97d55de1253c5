#include "core/runtime/yaml_text.h"

#include <gtest/gtest.h>

namespace slicemill {
namespace {

TEST(YamlText, ScalarsStayAsTheyAreWritten) {
  const auto json =
      parse_yaml_as_written("a: [1.10, 0x1F, yes, 007, .5, 1e3, ~, null, \"null\", '', , true]\nb: {c: *x}\n");
  EXPECT_FALSE(json) << "an anchor that is not known";
  EXPECT_EQ(to_compact_text(*parse_yaml_as_written(
                "a: [1.10, 0x1F, yes, 007, .5, 1e3, ~, null, \"null\", '', true, &x 5, *x]\nb:\n")),
            R"({"a":["1.10","0x1F","yes","007",".5","1e3",null,null,"null","","true","5","5"],"b":null})");
}

TEST(YamlText, OnlyTheFirstDocumentIsRead) {
  EXPECT_EQ(to_compact_text(*parse_yaml_as_written("---\na: 1\n---\n[broken")), R"({"a":"1"})");
  EXPECT_TRUE(parse_yaml_as_written("")->is_null());
  EXPECT_FALSE(parse_yaml("a: 1\n---\nb: 2\n")) << "elsewhere a second document is an error";
}

TEST(YamlText, LinesOfKeysAndItems) {
  const char* const text = "a: 1\nb:\n  c:\n    - x\n    - d: 1\n      e:\n        f: 2\n\n  g: {h: [1,\n   2]}\n";
  EXPECT_EQ(yaml_line_of(text, "a"), 1U);
  EXPECT_EQ(yaml_line_of(text, "b"), 2U);
  EXPECT_EQ(yaml_line_of(text, "b.c"), 3U);
  EXPECT_EQ(yaml_line_of(text, "b.c[0]"), 4U);
  EXPECT_EQ(yaml_line_of(text, "b.c[1]"), 5U);
  EXPECT_EQ(yaml_line_of(text, "b.c[1].e"), 6U);
  EXPECT_EQ(yaml_line_of(text, "b.c[1].e.f"), 7U);
  EXPECT_EQ(yaml_line_of(text, "b.g.h[1]"), 10U);
  EXPECT_EQ(yaml_line_of(text, "b.x"), 0U);
  EXPECT_EQ(yaml_line_of("[", "b"), 0U);
}

}  // namespace
}  // namespace slicemill
