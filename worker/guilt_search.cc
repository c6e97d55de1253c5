#include "worker/guilt_search.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace slicemill {

Result<std::map<std::uint64_t, GuiltyRecord>> find_guilty_records(std::uint64_t count, const ProbeRecords& probe) {
  struct Part {
    std::uint64_t from, to;
  };
  std::map<std::uint64_t, GuiltyRecord> guilty;
  std::vector<Part> parts;
  // The whole has failed already; a slice of one record is still asked, since nobody said how it fails.
  const auto halve = [&](Part part) {
    const std::uint64_t middle = part.from + (part.to - part.from) / 2;
    parts.push_back({middle, part.to});
    if (middle > part.from) parts.push_back({part.from, middle});
  };
  if (count > 0) halve({0, count});
  while (!parts.empty()) {
    const Part part = parts.back();
    parts.pop_back();
    ASSIGN_OR_RETURN(auto guilt, probe(part.from, part.to));
    if (!guilt) continue;
    if (part.to - part.from > 1) {
      halve(part);
      continue;
    }
    guilty.emplace(part.from, std::move(*guilt));
    if (guilty.size() > kMostGuiltyRecords) {
      return Error(ErrorCode::invalid,
                   fmt::format("more than {} records of the slice fail, so it fails as a whole", kMostGuiltyRecords));
    }
  }
  return guilty;
}

}  // namespace slicemill
