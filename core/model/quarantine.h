// What is kept of a record that an operation could not work on, and the slice request that brings such records back.
// Pure.
//
// A quarantined record is kept whole or not at all: it must be possible to run it again. A slice whose bad records are
// longer than the limits below is an error instead, with all of its records.
//
//   redriven request := {"redriven":{"entry":N,"operation":"name",
//                        "records":[{"place":"...","bytes":"base64"[,"metadata":"..."]},...]}}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill {

// Where a record goes on when it runs again.
struct PipelineEntry {
  static constexpr std::uint32_t kText = 0;     // text for the reader, which could make no record of it
  static constexpr std::uint32_t kRecords = 1;  // a record of the reader
  static constexpr std::uint32_t kNamed = 2;    // of a plan that is a graph: all others

  std::uint32_t index = kRecords;  // in a list: of the operation that gets it
  std::string operation;           // its name, in a graph its id; "" for kText and kRecords, which every job has
  bool operator==(const PipelineEntry&) const = default;
};

struct QuarantinedRecord {
  std::string operation;  // that could not work on it: "operations[1] filter"
  PipelineEntry entry;
  std::string place;  // where it came from, in words
  std::string bytes;  // as `entry` takes it
  std::string error;
  std::string metadata = {};  // what operations knew of it (core/model/record_metadata.h), as text; "": nothing
  bool operator==(const QuarantinedRecord&) const = default;
};

inline constexpr std::size_t kLongestQuarantinedBytes = 1 << 20;
inline constexpr std::size_t kMostQuarantinedBytesPerSlice = 4 << 20;

struct RedrivenRequest {
  struct Record {
    std::string place;
    std::string bytes;
    std::string metadata = {};
    bool operator==(const Record&) const = default;
  };
  PipelineEntry entry;
  std::vector<Record> records;
  bool operator==(const RedrivenRequest&) const = default;
};

bool is_redriven_request(std::string_view request);
std::string to_text(const RedrivenRequest& request);
// invalid if it is not exactly what to_text() writes.
Result<RedrivenRequest> parse_redriven_request(std::string_view request);

}  // namespace slicemill
