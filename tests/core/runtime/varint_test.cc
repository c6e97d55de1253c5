#include "core/runtime/varint.h"

#include <gtest/gtest.h>

#include <limits>

namespace slicemill {
namespace {

TEST(Varint, RoundTripsTheEdges) {
  std::string bytes;
  ByteWriter writer(bytes);
  const std::uint64_t values[] = {0, 1, 127, 128, 16'383, 16'384, std::numeric_limits<std::uint64_t>::max()};
  for (const auto value : values) writer.varint(value);
  const std::int64_t signed_values[] = {0, -1, 1, std::numeric_limits<std::int64_t>::min(),
                                        std::numeric_limits<std::int64_t>::max()};
  for (const auto value : signed_values) writer.zigzag(value);
  writer.fixed64(0x0123456789ABCDEF);
  writer.text("slice");
  ByteReader reader(bytes);
  for (const auto value : values) EXPECT_EQ(reader.varint(), value);
  for (const auto value : signed_values) EXPECT_EQ(reader.zigzag(), value);
  EXPECT_EQ(reader.fixed64(), 0x0123456789ABCDEFu);
  EXPECT_EQ(reader.text(), "slice");
  EXPECT_TRUE(reader.at_end());
}

TEST(Varint, MoreThan64BitsAndShortInputFail) {
  ByteReader too_long("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
  too_long.varint();
  EXPECT_FALSE(too_long.ok());
  ByteReader cut("\x80");
  cut.varint();
  EXPECT_FALSE(cut.ok());
  ByteReader lying(
      "\x7f"
      "abc");
  EXPECT_TRUE(lying.text().empty());
  EXPECT_FALSE(lying.ok());
  ByteReader count(
      "\xff\x7f"
      "x");
  EXPECT_EQ(count.count(), 0u) << "a list cannot have more items than bytes";
  EXPECT_FALSE(count.ok());
}

}  // namespace
}  // namespace slicemill
