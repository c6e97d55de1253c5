// What a worker has begun, in a small mapped file that outlives its SIGKILL: so that a crash is charged to the one
// slice that caused it, without a message per slice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/process.h"
#include "core/runtime/result.h"

namespace slicemill {

struct InFlightSlice {
  std::uint64_t generation = 0, slicer = 0, order = 0, path = 0, epoch = 0, n = 0;
  bool operator==(const InFlightSlice&) const = default;
};

// The worker's side: one store per slice begun and finished, no system call.
class InFlightMarker {
 public:
  virtual ~InFlightMarker() = default;  // unmaps; leaves the file
  virtual void begin(const InFlightSlice& slice) = 0;
  virtual void end() = 0;
  // From now on the worker's end says nothing against its slice: it was told to go. Any thread.
  virtual void excuse() = 0;
};
Result<std::unique_ptr<InFlightMarker>> create_in_flight_marker(const std::string& path, const ProcessIdentity& worker);

// The controller's side, after the worker is gone.
struct LeftNote {
  ProcessIdentity worker;
  std::optional<InFlightSlice> begun;  // nothing: it had begun nothing, or died within begin()
  bool excused = false;
};
Result<LeftNote> read_in_flight_marker(const std::string& path);
// The paths of the notes (*.begun) in a directory. None if it cannot be read.
std::vector<std::string> in_flight_markers_in(const std::string& directory);

}  // namespace slicemill
