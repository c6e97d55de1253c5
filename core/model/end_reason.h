// Why an execution ended without success, or is failing, where the reason has parts that dialects tell in words of
// their own. Ledgers and the registry keep the text. Pure, any thread.
//
// clang-format off
//   reason := count " slice" ["s"] " failed" ["; the first: " detail]
//           | "the source failed: " detail
//           | "the output cannot be written: " detail
//           | "a slice has failed" [" of late"]
//           |  any other text
// clang-format on
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace slicemill {

struct SlicesFailed {
  std::uint64_t count = 0;
  std::string first;  // what happened to the first one; "": not known
  bool operator==(const SlicesFailed&) const = default;
};
struct SourceFailed {
  std::string cause;
  bool operator==(const SourceFailed&) const = default;
};
// Before its first slice.
struct OutputFailed {
  std::string cause;
  bool operator==(const OutputFailed&) const = default;
};
// It goes on.
struct SliceHasFailed {
  bool is_recent = false;  // for as long as slices fail; otherwise for good
  bool operator==(const SliceHasFailed&) const = default;
};
struct OtherReason {
  std::string text;
  bool operator==(const OtherReason&) const = default;
};
using EndReason = std::variant<SlicesFailed, SourceFailed, OutputFailed, SliceHasFailed, OtherReason>;

std::string to_text(const EndReason& reason);
// Every text is a reason: what is not one of the first four is another one.
EndReason parse_end_reason(std::string_view text);

}  // namespace slicemill
