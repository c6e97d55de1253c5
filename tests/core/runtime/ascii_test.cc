#include "core/runtime/ascii.h"

#include <gtest/gtest.h>

namespace slicemill {
namespace {

TEST(Ascii, LowerChangesAsciiLettersOnly) {
  EXPECT_EQ(lower("Content-TYPE [@Z{`]"), "content-type [@z{`]");
  EXPECT_EQ(lower("ÄÖ"), "ÄÖ");
  EXPECT_EQ(lower('Q'), 'q');
}

TEST(Ascii, WordsAreTheSameButForCase) {
  EXPECT_TRUE(is_same_word("Expect", "eXPECT"));
  EXPECT_TRUE(is_same_word("", ""));
  EXPECT_FALSE(is_same_word("expect", "expects"));
  EXPECT_FALSE(is_same_word("a[", "A{"));
}

TEST(Ascii, TrimmedTakesBlanksFromBothEnds) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
}

}  // namespace
}  // namespace slicemill
