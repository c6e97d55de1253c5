#include "core/runtime/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill {
namespace {

TEST(Text, NearestWordFindsTyposAndRefusesStrangers) {
  const std::vector<std::string> words = {"file_reader", "filter", "selection"};
  EXPECT_EQ(nearest_word("file_raeder", words), "file_reader");
  EXPECT_EQ(nearest_word("Filtr", words), "filter");
  EXPECT_EQ(nearest_word("kafka", words), std::nullopt);
}

TEST(Text, ByteSizes) {
  EXPECT_EQ(*parse_byte_size("512"), 512u);
  EXPECT_EQ(*parse_byte_size("10MB"), 10'000'000u);
  EXPECT_EQ(*parse_byte_size("8 MiB"), 8u << 20);
  EXPECT_EQ(*parse_byte_size("1.5k"), 1500u);
  for (const char* bad : {"", "MB", "10 parsecs", "-1", "1e400"}) EXPECT_FALSE(parse_byte_size(bad)) << bad;
}

TEST(Text, Durations) {
  EXPECT_EQ(*parse_duration_ms("1500"), 1500);
  EXPECT_EQ(*parse_duration_ms("5 minutes"), 300'000);
  EXPECT_EQ(*parse_duration_ms("1day"), 86'400'000);
  EXPECT_FALSE(parse_duration_ms("soon"));
  EXPECT_THAT(parse_duration_ms("soon").error().message, testing::HasSubstr("\"soon\""));
}

TEST(Text, Integers) {
  EXPECT_EQ(*parse_integer(" -7 "), -7);
  for (const char* bad : {"", "7x", "7.5", "99999999999999999999"}) EXPECT_FALSE(parse_integer(bad)) << bad;
}

TEST(Text, SplitAndJoinAreInverse) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(join(split("a,,b", ','), ","), "a,,b");
  EXPECT_EQ(split("", ','), std::vector<std::string>{""});
}

TEST(PortRange, IsTwoPorts) {
  const auto range = parse_port_range("45679:46678");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 45'679);
  EXPECT_EQ(range->last, 46'678);
  for (const char* text : {"", "1", ":", "1:", ":1", "0:1", "2:1", "1:65536", "a:2", "1:2:3", "-1:5"})
    EXPECT_FALSE(parse_port_range(text)) << text;
}

}  // namespace
}  // namespace slicemill
