// Compressors and decompressing sources against each other.
#include <gmock/gmock.h>
#include <zlib.h>
#include <zstd.h>

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

// As other tools write them: with a name, a comment, extra bytes and a checksum of the header itself.
std::string gzip_member(const std::string& text, int flags) {
  std::string head = "\x1F\x8B\x08" + std::string(1, static_cast<char>(flags)) + std::string("\0\0\0\0\0\x03", 6);
  if ((flags & 4) != 0) head += std::string("\5\0extra", 7);
  if ((flags & 8) != 0) head += std::string("name\0", 5);
  if ((flags & 16) != 0) head += std::string("comment\0", 8);
  if ((flags & 2) != 0) {
    const auto sum = crc32(0, reinterpret_cast<const Bytef*>(head.data()), static_cast<uInt>(head.size()));
    head += {static_cast<char>(sum & 0xFF), static_cast<char>(sum >> 8 & 0xFF)};
  }
  return head + packed(Compression::gzip, text).substr(10);
}

TEST(Decompressed, GzipHeadersMayGoOnInTheNextPiece) {
  for (int flags = 0; flags < 32; flags += 2) {
    const std::string bytes = gzip_member("first\n", flags) + gzip_member("second\n", flags);
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
      const auto text = unpacked(Compression::gzip, bytes, step);
      ASSERT_TRUE(text) << flags << ", " << step << ": " << text.error().message;
      EXPECT_EQ(*text, "first\nsecond\n");
    }
    for (std::size_t size = 1; size < bytes.size() / 2; ++size)
      ASSERT_FALSE(unpacked(Compression::gzip, bytes.substr(0, size), 3)) << flags << ", " << size;
  }
  std::string bytes = gzip_member("text", 2);
  bytes[10] ^= 1;
  EXPECT_THAT(unpacked(Compression::gzip, bytes, 1).error().message, testing::HasSubstr("header crc mismatch"));
  bytes = gzip_member("text", 0);
  bytes[bytes.size() - 8] ^= 1;
  EXPECT_THAT(unpacked(Compression::gzip, bytes, 1).error().message, testing::HasSubstr("wrong checksum"));
  EXPECT_THAT(unpacked(Compression::gzip, "{\"a\":1}\n", 9).error().message, testing::HasSubstr("not gzip data"));
}

TEST(Decompressed, ZstdWindowsAreLimited) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 28);
  std::string bytes(1000, '\0');
  ZSTD_inBuffer in{"text", 4, 0};
  ZSTD_outBuffer out{bytes.data(), bytes.size(), 0};
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush);  // not the end: the size is not known then
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_end);
  ZSTD_freeCCtx(context);
  bytes.resize(out.pos);
  EXPECT_EQ(*unpacked(Compression::zstd, bytes, 100), "text");
  const auto source = *decompressed(Compression::zstd, std::make_unique<TextSource>(bytes, 100), "/in/file", 27);
  std::string buffer(100, '\0');
  const auto refused = source->read(buffer);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("`zstd_window_log`"));
}

TEST(CompressionOfContent, FirstBytesSayMoreThanTheName) {
  const auto of = [](std::string_view bytes, Compression by_name = Compression::none) {
    return *compression_of_content(bytes, by_name);
  };
  for (const Compression each : {Compression::gzip, Compression::zstd, Compression::lz4}) {
    EXPECT_EQ(of(packed(each, "text").substr(0, kContentBytes)), each);
    EXPECT_EQ(of(packed(each, "text"), Compression::gzip), each);
    EXPECT_EQ(of("{\"a\":1}", each), each) << "the decoder says that it is none";
    EXPECT_EQ(of("", each), each);
  }
  EXPECT_EQ(of(std::string_view("\x52\x2A\x4D\x18\4\0\0\0", 8)), Compression::zstd);
  EXPECT_EQ(of(std::string_view("\x52\x2A\x4D\x18\4\0\0\0", 8), Compression::lz4), Compression::lz4);
  for (const char* text : {"", "B", "BZh", "BZh9 is text", "\x52\x2A", "PK is text", "{\"a\":1}\n"})
    EXPECT_EQ(of(text), Compression::none);
  const std::pair<std::string, const char*> others[] = {{"BZh91AY&SY", "bzip2"},
                                                        {std::string("\xFD"
                                                                     "7zXZ\0\0",
                                                                     7),
                                                         "xz"},
                                                        {"PK\3\4\x14", "zip"}};
  for (const auto& [bytes, name] : others) {
    const auto refused = compression_of_content(bytes, Compression::none);
    ASSERT_FALSE(refused) << name;
    EXPECT_THAT(refused.error().message, testing::HasSubstr("compressed with " + std::string(name)));
  }
}

}  // namespace
}  // namespace slicemill
