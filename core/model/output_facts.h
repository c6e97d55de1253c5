// What a worker reports about the output of one attempt, and the ledger keeps: facts, not paths that can be derived.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/rare_list.h"
#include "core/runtime/result.h"

namespace slicemill {

// One of the files of a slice whose output is spread over directories by fields of its records.
struct OutputPart {
  std::string place;  // its directory, below that of the output: "DE/2026"
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
  bool operator==(const OutputPart&) const = default;
};

struct OutputFacts {
  bool present = false;  // false: the slice wrote nothing, there is nothing to publish
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;         // as stored (compressed)
  std::uint64_t checksum = 0;      // XXH3-64 of the stored bytes
  std::uint32_t request_hash = 0;  // low half of XXH3-64 of the request: part of the published name
  std::uint32_t sink = 0;          // of a plan with several: which of them wrote this, counted in the plan's order
  // By the numbers of the staged files, each place once. Empty: the output is one file. Otherwise records and bytes are
  // sums, and the checksum is 0.
  std::vector<OutputPart> parts = {};
  // Of all sinks together: those that wrote something, by `sink`. Then records and bytes are sums, the checksum is 0,
  // and there are no parts. Empty: these are the facts of one.
  RareList<OutputFacts> sinks = {};
  bool operator==(const OutputFacts&) const = default;
};

// Of one of them as a file of its own.
inline OutputFacts facts_of(const OutputPart& part, const OutputFacts& whole) {
  return {true, part.records, part.bytes, part.checksum, whole.request_hash, whole.sink};
}

// Of a slice, from those of its sinks: of one sink as they are.
OutputFacts output_of_sinks(std::vector<OutputFacts> sinks);
// What this sink wrote; nullptr: nothing.
const OutputFacts* output_of_sink(const OutputFacts& facts, std::uint32_t sink);

// Of one sink: visit(directory below that of the output, "" for itself; facts) for each file of a present output.
template <typename Visit>
Result<void> visit_files(const OutputFacts& facts, Visit&& visit) {
  if (facts.parts.empty()) return visit(std::string_view(), facts);
  for (const OutputPart& part : facts.parts)
    RETURN_IF_ERROR(visit(std::string_view(part.place), facts_of(part, facts)));
  return {};
}

}  // namespace slicemill
