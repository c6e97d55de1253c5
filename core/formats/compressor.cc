#include "core/formats/compressor.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

namespace slicemill {

namespace {

constexpr int kGzipLevel = 6;
constexpr int kZstdLevel = 3;
constexpr std::size_t kStepBytes = std::size_t{128} * 1024;  // output space that is added at a time

Error encoder_error(std::string_view name, std::string_view problem) {
  return Error(ErrorCode::internal, fmt::format("{} encoder: {}", name, problem));
}

class PlainCompressor final : public Compressor {
 public:
  Result<void> append(std::string_view bytes, std::string& out) override {
    out.append(bytes);
    return {};
  }
  Result<void> finish(std::string&) override { return {}; }
};

class GzipCompressor final : public Compressor {
 public:
  ~GzipCompressor() override { deflateEnd(&stream_); }

  // The member's header carries no time and no name: the same records give the same bytes.
  bool initialize() { return deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK; }

  Result<void> append(std::string_view bytes, std::string& out) override {
    while (!bytes.empty()) {
      const std::size_t part = std::min<std::size_t>(bytes.size(), 1U << 30);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(part);
      RETURN_IF_ERROR(run(Z_NO_FLUSH, out));
      bytes.remove_prefix(part);
    }
    return {};
  }

  Result<void> finish(std::string& out) override {
    stream_.avail_in = 0;
    return run(Z_FINISH, out);
  }

 private:
  Result<void> run(int flush, std::string& out) {
    int code = Z_OK;
    do {
      const std::size_t before = out.size();
      out.resize(before + kStepBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      stream_.avail_out = static_cast<uInt>(kStepBytes);
      code = deflate(&stream_, flush);
      out.resize(out.size() - stream_.avail_out);
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return encoder_error("gzip", zError(code));
    } while (stream_.avail_out == 0 || (flush == Z_FINISH && code != Z_STREAM_END));
    return {};
  }

  z_stream stream_{};
};

class ZstdCompressor final : public Compressor {
 public:
  ~ZstdCompressor() override { ZSTD_freeCCtx(context_); }

  bool initialize() {
    context_ = ZSTD_createCCtx();
    return context_ != nullptr &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1));
  }

  Result<void> append(std::string_view bytes, std::string& out) override { return run(bytes, ZSTD_e_continue, out); }
  Result<void> finish(std::string& out) override { return run({}, ZSTD_e_end, out); }

 private:
  Result<void> run(std::string_view bytes, ZSTD_EndDirective directive, std::string& out) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      const std::size_t before = out.size();
      out.resize(before + kStepBytes);
      ZSTD_outBuffer space{out.data() + before, kStepBytes, 0};
      const std::size_t left = ZSTD_compressStream2(context_, &space, &in, directive);
      out.resize(before + space.pos);
      if (ZSTD_isError(left)) return encoder_error("zstd", ZSTD_getErrorName(left));
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return {};
    }
  }

  ZSTD_CCtx* context_ = nullptr;
};

class Lz4Compressor final : public Compressor {
 public:
  Lz4Compressor() {
    preferences_.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    preferences_.frameInfo.blockSizeID = LZ4F_max256KB;
  }
  ~Lz4Compressor() override { LZ4F_freeCompressionContext(context_); }

  bool initialize() { return !LZ4F_isError(LZ4F_createCompressionContext(&context_, LZ4F_VERSION)); }

  Result<void> append(std::string_view bytes, std::string& out) override {
    RETURN_IF_ERROR(begin(out));
    return run(LZ4F_compressBound(bytes.size(), &preferences_), out, [&](char* space, std::size_t size) {
      return LZ4F_compressUpdate(context_, space, size, bytes.data(), bytes.size(), nullptr);
    });
  }

  Result<void> finish(std::string& out) override {
    RETURN_IF_ERROR(begin(out));
    return run(LZ4F_compressBound(0, &preferences_), out,
               [&](char* space, std::size_t size) { return LZ4F_compressEnd(context_, space, size, nullptr); });
  }

 private:
  Result<void> begin(std::string& out) {
    if (begun_) return {};
    begun_ = true;
    return run(LZ4F_HEADER_SIZE_MAX, out,
               [&](char* space, std::size_t size) { return LZ4F_compressBegin(context_, space, size, &preferences_); });
  }

  template <typename Call>
  Result<void> run(std::size_t room, std::string& out, const Call& call) {
    const std::size_t before = out.size();
    out.resize(before + room);
    const std::size_t written = call(out.data() + before, room);
    out.resize(before + (LZ4F_isError(written) ? 0 : written));
    if (LZ4F_isError(written)) return encoder_error("lz4", LZ4F_getErrorName(written));
    return {};
  }

  LZ4F_cctx* context_ = nullptr;
  LZ4F_preferences_t preferences_{};
  bool begun_ = false;
};

template <typename Made>
Result<std::unique_ptr<Compressor>> make(std::string_view name) {
  auto compressor = std::make_unique<Made>();
  if (!compressor->initialize()) return encoder_error(name, "cannot be set up");
  return std::unique_ptr<Compressor>(std::move(compressor));
}

}  // namespace

Result<std::unique_ptr<Compressor>> make_compressor(Compression compression) {
  switch (compression) {
    case Compression::none:
      return std::unique_ptr<Compressor>(std::make_unique<PlainCompressor>());
    case Compression::gzip:
      return make<GzipCompressor>("gzip");
    case Compression::zstd:
      return make<ZstdCompressor>("zstd");
    case Compression::lz4:
      return make<Lz4Compressor>("lz4");
  }
  return Error(ErrorCode::internal, "unknown compression");
}

}  // namespace slicemill
