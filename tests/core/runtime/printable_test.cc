#include "core/runtime/printable.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/runtime/json.h"
#include "core/runtime/log.h"

namespace slicemill {
namespace {

TEST(Printable, WritesOutWhatWouldAct) {
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable("\x1b[31mred\x7f"), "\\x1b[31mred\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\u0085\u009b2J"), "\\x85\\x9b2J") << "C1: a terminal may take them for escape sequences";
  EXPECT_EQ(printable("\u202eevil\u202c \u2066x\u2069\u200f\u061c"),
            "\\u202eevil\\u202c \\u2066x\\u2069\\u200f\\u061c");
  EXPECT_EQ(printable("a\u2028b\u2029c\ufeff\u200b"), "a\\u2028b\\u2029c\\ufeff\\u200b");
}

TEST(Printable, LeavesWhatIsSeenAlone) {
  for (const char* text : {"", "plain ~ \\n", "Grüße", "日本語の仕事", "שלום",
                           "\U0001f468\u200d\U0001f469\u200d\U0001f467", "Z\u0301\u0302"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_TRUE(is_printable(text)) << text;
    EXPECT_EQ(printable(printable(text)), printable(text));
  }
  EXPECT_FALSE(is_printable("a\n"));
  EXPECT_FALSE(is_printable("日\u202e"));
}

TEST(Printable, BytesThatAreNoUtf8AreShownOneByOne) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\\xffb");
  EXPECT_EQ(printable("\xe6\x97"), "\\xe6\\x97") << "cut in the middle";
  EXPECT_EQ(printable("\xc0\x8a"), "\\xc0\\x8a") << "a line feed in too many bytes";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a pair";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"
                      "x"),
            "\\xf4\\x90\\x80\\x80x")
      << "beyond the last character";
  EXPECT_EQ(printable("\x80"), "\\x80");
}

TEST(Printable, JsonStaysTheSameValue) {
  const Json value = {{"name", "\u202eevil\x7f\n\x1b"}, {"bytes", "日本"}};
  const std::string text = printable_json(to_compact_text(value));
  EXPECT_EQ(text, R"({"name":"\u202eevil\u007f\n\u001b","bytes":"日本"})");
  EXPECT_EQ(*parse_json(text), value);
}

TEST(Log, OneEntryIsOneLine) {
  const std::string path = testing::TempDir() + "/one_line_" + std::to_string(getpid()) + ".log";
  ASSERT_TRUE(start_logging({.path = path, .process = "test"}));
  log(LogLevel::info, "job {} is stored", "nightly\nsecond\x1b[2J line\u2028");
  flush_log();
  std::ifstream file(path);
  const std::string all(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 1) << all;
  EXPECT_TRUE(all.ends_with("job nightly\\nsecond\\x1b[2J line\\u2028 is stored\n")) << all;
  ASSERT_TRUE(start_logging({}));
}

}  // namespace
}  // namespace slicemill
