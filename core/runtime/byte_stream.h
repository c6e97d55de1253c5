// Bytes that come once and in order: pipes and the standard input. Blocking, but never longer than a look at a flag
// takes; one thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // At least one byte, 0 at the end. cancelled: the flag was raised (null: nobody raises one). timeout: no writer has
  // opened the pipe in time.
  virtual Result<std::size_t> read(std::span<char> buffer, const std::atomic<bool>* cancelled) = 0;
};

// Whether the path means the standard input of whoever opens it.
bool is_standard_input(std::string_view path);
// Whether the path means something else in each process: descriptors and what /proc says of the process itself.
bool is_of_own_process(std::string_view path);

// A pipe by its name, or the standard input. Does not wait. first_writer_ms: how long read() waits for a pipe's first
// writer.
Result<std::unique_ptr<ByteStream>> open_byte_stream(const std::string& path, std::int64_t first_writer_ms);

}  // namespace slicemill
