// Compressors and decompressing sources against each other.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "core/formats/byte_source.h"
#include "core/formats/compressor.h"

namespace slicemill {
namespace {

class TextSource final : public ByteSource {
 public:
  TextSource(std::string text, std::size_t step) : text_(std::move(text)), step_(step) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    const std::size_t size = std::min({buffer.size(), step_, text_.size() - at_});
    std::memcpy(buffer.data(), text_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t step_;
  std::size_t at_ = 0;
};

std::string packed(Compression compression, const std::string& text) {
  std::string out;
  auto compressor = *make_compressor(compression);
  for (std::size_t at = 0; at < text.size(); at += 100'000) {
    EXPECT_TRUE(compressor->append(std::string_view(text).substr(at, 100'000), out));
  }
  EXPECT_TRUE(compressor->finish(out));
  return out;
}

Result<std::string> unpacked(Compression compression, const std::string& bytes, std::size_t step,
                             std::size_t room = 50'000) {
  ASSIGN_OR_RETURN(const auto source, decompressed(compression, std::make_unique<TextSource>(bytes, step), "/in/file"));
  std::string text;
  std::string buffer(room, '\0');
  for (;;) {
    ASSIGN_OR_RETURN(const std::size_t got, source->read(buffer));
    if (got == 0) return text;
    text.append(buffer.data(), got);
  }
}

std::string sample() {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < 1'500'000) text += "{\"n\":" + std::to_string(random()) + ",\"word\":\"again and again\"}\n";
  return text;
}

class EachCompression : public testing::TestWithParam<Compression> {};

TEST_P(EachCompression, GivesBackWhatWentIn) {
  const std::string text = sample();
  const std::string bytes = packed(GetParam(), text);
  EXPECT_LT(bytes.size(), text.size() / 2);
  for (std::size_t step : {1000, 1 << 20}) {
    const auto again = unpacked(GetParam(), bytes, step);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(*again == text);
  }
  EXPECT_EQ(bytes, packed(GetParam(), text)) << "the same text must give the same bytes";
}

TEST_P(EachCompression, ReadsMembersOneBehindTheOther) {
  const std::string bytes = packed(GetParam(), "first\n") + packed(GetParam(), "") + packed(GetParam(), "second\n");
  for (std::size_t step : {1, 7, 1000}) {
    const auto text = unpacked(GetParam(), bytes, step, 3);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(*text, "first\nsecond\n");
  }
  EXPECT_EQ(*unpacked(GetParam(), "", 10), "");
}

TEST_P(EachCompression, EndingEarlyIsAnErrorAtEveryByte) {
  const std::string bytes = packed(GetParam(), "some text that is packed\n");
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const auto text = unpacked(GetParam(), bytes.substr(0, size), 1000);
    ASSERT_FALSE(text) << size << " of " << bytes.size();
    EXPECT_EQ(text.error().code, ErrorCode::corrupt);
    EXPECT_THAT(text.error().message, testing::StartsWith("/in/file: compressed byte "));
    EXPECT_FALSE(text.error().retryable);
  }
}

TEST_P(EachCompression, DamageIsAnError) {
  std::string bytes = packed(GetParam(), sample());
  bytes[bytes.size() / 2] ^= 0x40;
  EXPECT_FALSE(unpacked(GetParam(), bytes, 1 << 20));
  EXPECT_FALSE(unpacked(GetParam(), "this is plain text, not packed", 1 << 20));
  EXPECT_FALSE(unpacked(GetParam(), packed(GetParam(), "good") + "garbage behind it", 1 << 20));
}

INSTANTIATE_TEST_SUITE_P(All, EachCompression, testing::Values(Compression::gzip, Compression::zstd, Compression::lz4),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

TEST(Decompressed, GzipMayBePaddedWithZeros) {
  const std::string bytes = packed(Compression::gzip, "text") + std::string(512, '\0');
  EXPECT_EQ(*unpacked(Compression::gzip, bytes, 100), "text");
  EXPECT_FALSE(unpacked(Compression::gzip, bytes + "x", 100));
}

}  // namespace
}  // namespace slicemill
