#include "worker/record_bisection.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace slicemill {

Result<std::map<std::uint64_t, BadRecord>> find_bad_records(std::uint64_t count, const ProbeRecords& probe) {
  struct Part {
    std::uint64_t from, to;
  };
  std::map<std::uint64_t, BadRecord> bad;
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
    ASSIGN_OR_RETURN(auto bad_record, probe(part.from, part.to));
    if (!bad_record) continue;
    if (part.to - part.from > 1) {
      halve(part);
      continue;
    }
    bad.emplace(part.from, std::move(*bad_record));
    if (bad.size() > kMostBadRecords) {
      return Error(ErrorCode::invalid,
                   fmt::format("more than {} records of the slice fail, so it fails as a whole", kMostBadRecords));
    }
  }
  return bad;
}

}  // namespace slicemill
