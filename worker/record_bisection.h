// Finds the records of a slice that an operation fails on without being able to say which: by halves. Pure but for the
// probe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "core/runtime/result.h"
#include "worker/pipeline.h"

namespace slicemill {

// Runs the records [from, to). Nothing: they pass. A bad_record: they fail like this. An error: the search cannot go
// on.
using ProbeRecords = std::function<Result<std::optional<BadRecord>>(std::uint64_t from, std::uint64_t to)>;

// A slice with more bad records than this fails as a whole: a source or a service is broken, not a record.
inline constexpr std::size_t kMostBadRecords = 64;

// Of `count` records that fail together. Empty if each half passes by itself, down to the last. invalid: more are
// bad than a slice may have.
Result<std::map<std::uint64_t, BadRecord>> find_bad_records(std::uint64_t count, const ProbeRecords& probe);

}  // namespace slicemill
