// What a worker has begun, in a small mapped file that outlives its SIGKILL: so that a crash is charged to the one
// slice that caused it, without a message per slice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/runtime/result.h"

namespace slicemill {

struct BegunSlice {
  std::uint64_t generation = 0, slicer = 0, order = 0, path = 0, epoch = 0, n = 0;
  bool operator==(const BegunSlice&) const = default;
};

// The worker's side: one store per slice begun and finished, no system call.
class BegunNote {
 public:
  virtual ~BegunNote() = default;  // unmaps; leaves the file
  virtual void begin(const BegunSlice& slice) = 0;
  virtual void end() = 0;
};
Result<std::unique_ptr<BegunNote>> create_begun_note(const std::string& path);

// The controller's side, after the worker is gone. Nothing: it had begun nothing (or died within begin()).
Result<std::optional<BegunSlice>> read_begun_note(const std::string& path);

}  // namespace slicemill
