// What a slice is: identity, attempt, request, and the run that holds many slices as one compact record.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill {

// Identity of a slice, fixed at creation; replays keep it. `generation` indexes the lineage of executions (0 = the
// first execution of the chain) and so names the execution that created the slice. `path` is kWholeSlice, or the place
// in the tree of a bisected slice: children of p are 2p and 2p+1.
struct SliceKey {
  static constexpr std::uint64_t kWholeSlice = 1;

  std::uint16_t generation = 0;
  std::uint32_t slicer = 0;
  std::uint64_t order = 0;  // from 1, per generation and slicer
  std::uint64_t path = kWholeSlice;

  auto operator<=>(const SliceKey&) const = default;
};

// One try at a slice. A rising epoch per job fences every earlier controller, n every earlier try under the same epoch.
struct Attempt {
  std::uint64_t epoch = 0;
  std::uint32_t n = 0;  // from 1

  auto operator<=>(const Attempt&) const = default;
};

// Words of the API.
enum class SliceState { pending, start, completed, error };
std::string_view to_string(SliceState state);

// UUID v5 of (execution that bore it, slicer, order, path): stable over replays, unique over jobs.
std::string slice_id(std::string_view origin_ex_id, const SliceKey& key);

// ---- runs -----------------------------------------------------------------------------------------------------------
// Slices are created in runs of consecutive orders. A run expands from its own bytes alone: never from job config,
// clock or source.

// Requests written out one by one.
struct ListRequests {
  std::vector<std::string> requests;  // each one JSON object
  bool operator==(const ListRequests&) const = default;
};

// Requests that differ by a number: slice i covers [start + i*step, min(start + (i+1)*step, end)).
// request i = {<fixed>,"<start_key>":S,"<span_key>":E} where E is the end, or the length if span_is_length.
struct RangeRequests {
  std::string fixed;  // members of the object without braces, "" for none
  std::string start_key;
  std::string span_key;
  bool span_is_length = false;
  std::int64_t start = 0;
  std::int64_t step = 1;  // > 0
  std::int64_t end = 0;   // exclusive, > start
  bool operator==(const RangeRequests&) const = default;
};

struct SliceRun {
  std::uint16_t generation = 0;
  std::uint32_t slicer = 0;
  std::uint64_t first_order = 0;
  WallMs created_ms = 0;  // of the slices
  std::variant<ListRequests, RangeRequests> requests;

  bool operator==(const SliceRun&) const = default;

  std::uint64_t count() const;
  // index < count(). Appends the request's JSON to out.
  void append_request(std::uint64_t index, std::string& out) const;
  std::string request(std::uint64_t index) const;
  // Its slices [from, to) as a run of their own. Requires from < to <= count().
  SliceRun part(std::uint64_t from, std::uint64_t to) const;
  SliceKey key(std::uint64_t index) const { return {generation, slicer, first_order + index, SliceKey::kWholeSlice}; }
  // How much of the source its slices [from, to) are, in the source's unit. Requires from < to <= count().
  std::uint64_t extent(std::uint64_t from, std::uint64_t to) const;
};

// How much of its source a slice is: bytes of a file ("length"), records ("count"), or the width of a range ("start",
// "end"); of several slices in one their sum; 0 if the request has none of these.
std::uint64_t request_extent(std::string_view request);

// Stored form (versioned, checksummed by the ledger):
//   run   := version=1:u8 kind:u8 generation:u16 slicer:u32 first_order:u64 created_ms:i64 body      (varints, little
//   endian base 128) body  := kind 0: count text*   |  kind 1: fixed start_key span_key span_is_length start step end
std::string encode_run(const SliceRun& run);
Result<SliceRun> decode_run(std::string_view bytes);  // corrupt if the bytes are not exactly one run

}  // namespace slicemill

template <>
struct std::hash<slicemill::SliceKey> {
  size_t operator()(const slicemill::SliceKey& k) const noexcept {
    std::uint64_t h = k.order * 0x9E3779B97F4A7C15ULL;
    h ^= (static_cast<std::uint64_t>(k.slicer) << 17) + (static_cast<std::uint64_t>(k.generation) << 49) + k.path;
    h ^= h >> 29;
    return static_cast<size_t>(h * 0xBF58476D1CE4E5B9ULL);
  }
};
