// gzip members, zstd frames and lz4 frames as byte sources. All three pull compressed bytes into one buffer and let the
// library write straight into the caller's.
#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "core/formats/byte_source.h"

namespace slicemill {

namespace {

constexpr std::size_t kInputBytes = std::size_t{256} * 1024;

// What one call of a library did.
struct Progress {
  std::size_t consumed = 0;
  std::size_t produced = 0;
  const char* problem = nullptr;
};

class DecompressedSource : public ByteSource {
 public:
  DecompressedSource(std::unique_ptr<ByteSource> compressed, std::string path)
      : compressed_(std::move(compressed)), path_(std::move(path)), input_(kInputBytes) {}

  Result<std::size_t> read(std::span<char> buffer) final {
    for (;;) {
      if (begin_ == end_ && !ended_) RETURN_IF_ERROR(refill());
      // Without input the library is still asked: it may hold back output.
      const Progress progress = unpack({input_.data() + begin_, end_ - begin_}, buffer);
      if (progress.problem != nullptr) return broken(progress.problem);
      begin_ += progress.consumed;
      at_ += progress.consumed;
      if (progress.produced > 0) return progress.produced;
      if (begin_ < end_ && progress.consumed > 0) continue;
      if (begin_ < end_) return broken("the decoder makes no progress");
      if (ended_) {
        if (is_between_frames()) return std::size_t{0};
        return broken("file ends inside compressed data");
      }
    }
  }

 protected:
  // Unpacks some; at the end of a frame it goes on with the next. Input may be empty.
  virtual Progress unpack(std::span<const char> input, std::span<char> output) = 0;
  virtual bool is_between_frames() const = 0;

 private:
  Result<void> refill() {
    begin_ = end_ = 0;
    ASSIGN_OR_RETURN(end_, compressed_->read(input_));
    ended_ = end_ == 0;
    return {};
  }
  Error broken(std::string_view problem) const {
    return Error(ErrorCode::corrupt, fmt::format("{}: compressed byte {}: {}", path_, at_, problem), false);
  }

  std::unique_ptr<ByteSource> compressed_;
  std::string path_;
  std::vector<char> input_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t at_ = 0;
  bool ended_ = false;
};

// ISA-L unpacks twice as fast as zlib, which packs (compressor.cc). zlib reads the members' headers: ISA-L forgets a
// header's checksum where the header goes on in the next piece of input.
class GzipSource final : public DecompressedSource {
 public:
  using DecompressedSource::DecompressedSource;
  ~GzipSource() override { inflateEnd(&header_); }

  bool initialize() { return inflateInit2(&header_, 15 + 16) == Z_OK; }

 protected:
  Progress unpack(std::span<const char> input, std::span<char> output) override {
    switch (inside_) {
      case Inside::none:
        if (input.empty()) return {};
        // Tools that write to tape pad the last member with zeros.
        if (had_member_ && input[0] == '\0') padding_ = true;
        if (padding_) {
          const bool all_zero = std::all_of(input.begin(), input.end(), [](char c) { return c == '\0'; });
          return {input.size(), 0, all_zero ? nullptr : "bytes behind the padding of the last gzip member"};
        }
        inflateReset(&header_);
        inside_ = Inside::header;
        [[fallthrough]];
      case Inside::header:
        return read_header(input);
      case Inside::data:
        return read_data(input, output);
    }
    return {};
  }
  bool is_between_frames() const override { return inside_ == Inside::none; }

 private:
  enum class Inside { none, header, data };

  Progress read_header(std::span<const char> input) {
    constexpr int kBehindHeader = 128;  // of data_type: zlib stands before a block
    if (input.empty()) return {};
    Bytef nothing = 0;
    header_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    header_.avail_in = static_cast<uInt>(input.size());
    header_.next_out = &nothing;
    header_.avail_out = 0;
    const int code = inflate(&header_, Z_BLOCK);
    const std::size_t consumed = input.size() - header_.avail_in;
    if (code != Z_OK && code != Z_BUF_ERROR) {
      const bool is_other = header_.msg == nullptr || std::string_view(header_.msg) == "incorrect header check";
      return {consumed, 0, is_other ? "not gzip data" : header_.msg};
    }
    if ((header_.data_type & kBehindHeader) != 0) {
      isal_inflate_init(state_.get());
      state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
      inside_ = Inside::data;
    }
    return {consumed, 0, nullptr};
  }

  Progress read_data(std::span<const char> input, std::span<char> output) {
    state_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(input.data()));
    state_->avail_in = static_cast<std::uint32_t>(input.size());
    state_->next_out = reinterpret_cast<std::uint8_t*>(output.data());
    state_->avail_out = static_cast<std::uint32_t>(std::min<std::size_t>(output.size(), 1U << 30));
    const std::uint32_t room = state_->avail_out;
    const int code = isal_inflate(state_.get());
    Progress progress{input.size() - state_->avail_in, room - state_->avail_out, problem_of(code)};
    if (progress.problem == nullptr && state_->block_state == ISAL_BLOCK_FINISH) {
      inside_ = Inside::none;
      had_member_ = true;
    }
    return progress;
  }

  static const char* problem_of(int code) {
    switch (code) {
      case ISAL_INVALID_BLOCK:
        return "invalid block";
      case ISAL_INVALID_SYMBOL:
        return "invalid symbol";
      case ISAL_INVALID_LOOKBACK:
        return "refers to what is not there";
      case ISAL_INCORRECT_CHECKSUM:
        return "wrong checksum";
      default:
        return code < 0 ? "cannot be unpacked" : nullptr;
    }
  }

  z_stream header_{};
  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
  Inside inside_ = Inside::none;
  bool had_member_ = false;
  bool padding_ = false;
};

class ZstdSource final : public DecompressedSource {
 public:
  using DecompressedSource::DecompressedSource;
  ~ZstdSource() override { ZSTD_freeDCtx(context_); }

  bool initialize(int window_log) {
    context_ = ZSTD_createDCtx();
    return context_ != nullptr && !ZSTD_isError(ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, window_log));
  }

 protected:
  Progress unpack(std::span<const char> input, std::span<char> output) override {
    if (between_ && input.empty()) return {};
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    const std::size_t code = ZSTD_decompressStream(context_, &out, &in);
    if (ZSTD_isError(code)) {
      return {in.pos, out.pos,
              ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge
                  ? "the frame was packed with a larger window than `zstd_window_log` allows: raise it, up to 31 (2 GB)"
                  : ZSTD_getErrorName(code)};
    }
    between_ = code == 0;
    return {in.pos, out.pos, nullptr};
  }
  bool is_between_frames() const override { return between_; }

 private:
  ZSTD_DCtx* context_ = nullptr;
  bool between_ = true;
};

class Lz4Source final : public DecompressedSource {
 public:
  using DecompressedSource::DecompressedSource;
  ~Lz4Source() override { LZ4F_freeDecompressionContext(context_); }

  bool initialize() { return !LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)); }

 protected:
  Progress unpack(std::span<const char> input, std::span<char> output) override {
    if (between_ && input.empty()) return {};
    std::size_t consumed = input.size();
    std::size_t produced = output.size();
    const std::size_t code = LZ4F_decompress(context_, output.data(), &produced, input.data(), &consumed, nullptr);
    if (LZ4F_isError(code)) return {consumed, produced, LZ4F_getErrorName(code)};
    between_ = code == 0;
    return {consumed, produced, nullptr};
  }
  bool is_between_frames() const override { return between_; }

 private:
  LZ4F_dctx* context_ = nullptr;
  bool between_ = true;
};

template <typename Source, typename... Limits>
Result<std::unique_ptr<ByteSource>> make(std::unique_ptr<ByteSource> compressed, std::string path, Limits... limits) {
  auto source = std::make_unique<Source>(std::move(compressed), path);
  if (!source->initialize(limits...))
    return Error(ErrorCode::internal, fmt::format("{}: the decoder cannot be set up", path));
  return std::unique_ptr<ByteSource>(std::move(source));
}

}  // namespace

Result<std::unique_ptr<ByteSource>> decompressed(Compression compression, std::unique_ptr<ByteSource> compressed,
                                                 std::string path, int zstd_window_log) {
  switch (compression) {
    case Compression::none:
      return compressed;
    case Compression::gzip:
      return make<GzipSource>(std::move(compressed), std::move(path));
    case Compression::zstd:
      return make<ZstdSource>(std::move(compressed), std::move(path), zstd_window_log);
    case Compression::lz4:
      return make<Lz4Source>(std::move(compressed), std::move(path));
  }
  return Error(ErrorCode::internal, "unknown compression");
}

}  // namespace slicemill
