// Output of a container as the Docker API sends it: frames of its two streams, one after another. Pure, one thread.
//
// frame := stream 0 0 0 size bytes       stream: one byte; size: four bytes, the highest first
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::docker {

enum class OutputStream : std::uint8_t { standard_output = 1, standard_error = 2 };

using OutputSink = std::function<void(OutputStream, std::string_view)>;

class LogFrames {
 public:
  // The next bytes of an answer, cut anywhere. What is complete goes to the sink at once, parts of frames included.
  // corrupt: the bytes are no frames.
  Result<void> feed(std::string_view bytes, const OutputSink& sink);

  // Whether no frame is open.
  bool is_whole() const { return header_.empty() && left_ == 0; }

 private:
  std::string header_;  // as much as came of it
  std::uint32_t left_ = 0;
  OutputStream stream_ = OutputStream::standard_output;
};

}  // namespace slicemill::docker
