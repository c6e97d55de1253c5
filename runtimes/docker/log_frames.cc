#include "runtimes/docker/log_frames.h"

#include <algorithm>

namespace slicemill::docker {
namespace {

constexpr std::size_t kHeaderBytes = 8;
constexpr unsigned kLastStream = 2;

}  // namespace

Result<void> LogFrames::feed(std::string_view bytes, const OutputSink& sink) {
  while (!bytes.empty()) {
    if (left_ == 0) {
      const auto taken = std::min(kHeaderBytes - header_.size(), bytes.size());
      header_ += bytes.substr(0, taken);
      bytes.remove_prefix(taken);
      if (header_.size() < kHeaderBytes) return {};
      const auto byte = [this](std::size_t at) { return static_cast<unsigned char>(header_[at]); };
      if (byte(0) > kLastStream || byte(1) != 0 || byte(2) != 0 || byte(3) != 0)
        return Error{ErrorCode::corrupt, "the output of the container does not come in frames"};
      // Stream 0, the input, is echoed nowhere; some servers send output under that number.
      stream_ = byte(0) == kLastStream ? OutputStream::standard_error : OutputStream::standard_output;
      left_ = static_cast<std::uint32_t>(byte(4)) << 24 | static_cast<std::uint32_t>(byte(5)) << 16 |
              static_cast<std::uint32_t>(byte(6)) << 8 | byte(7);
      header_.clear();
      continue;
    }
    const auto taken = std::min<std::size_t>(left_, bytes.size());
    sink(stream_, bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    left_ -= static_cast<std::uint32_t>(taken);
  }
  return {};
}

}  // namespace slicemill::docker
