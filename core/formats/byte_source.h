// Bytes in order, from a file or out of a compressed one. Passive, blocking; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/formats/record_format.h"
#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // At least one byte, at most buffer.size() > 0; 0 at the end. Every error names the file.
  virtual Result<std::size_t> read(std::span<char> buffer) = 0;
};

// The bytes [begin, end) of a file; a file that ends before `end` is an error (truncated while it was read).
std::unique_ptr<ByteSource> file_source(std::unique_ptr<ReadableFile> file, std::string path, std::uint64_t begin,
                                        std::uint64_t end);

// What `compressed` unpacks to: all members or frames, one behind the other. corrupt: it is broken or ends early.
// `none` gives the source back. path: for errors. zstd_window_log: a frame whose window is larger than 2^this bytes,
// which must be held in memory, is refused.
Result<std::unique_ptr<ByteSource>> decompressed(Compression compression, std::unique_ptr<ByteSource> compressed,
                                                 std::string path, int zstd_window_log = kDefaultZstdWindowLog);

}  // namespace slicemill
