// What a worker reports about the output of one attempt, and the ledger keeps: facts, not paths that can be derived.
#pragma once

#include <cstdint>
#include <string>

namespace slicemill {

struct OutputFacts {
  bool present = false;  // false: the slice wrote nothing, there is nothing to publish
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;         // as stored (compressed)
  std::uint64_t checksum = 0;      // XXH3-64 of the stored bytes
  std::uint32_t request_hash = 0;  // low half of XXH3-64 of the request: part of the published name
  bool operator==(const OutputFacts&) const = default;
};

}  // namespace slicemill
