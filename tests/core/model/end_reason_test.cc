#include "core/model/end_reason.h"

#include <gtest/gtest.h>

namespace slicemill {
namespace {

TEST(EndReason, IsReadFromItsText) {
  const std::pair<const char*, EndReason> rows[] = {
      {"1 slice failed", SlicesFailed{1, ""}},
      {"2 slices failed; the first: no object; the first: x", SlicesFailed{2, "no object; the first: x"}},
      {"the source failed: no such file: /x", SourceFailed{"no such file: /x"}},
      {"the output cannot be written: lows (file_exporter): path: /x", OutputFailed{"lows (file_exporter): path: /x"}},
      {"a slice has failed", SliceHasFailed{false}},
      {"a slice has failed of late", SliceHasFailed{true}},
      {"a slice has failed of", OtherReason{"a slice has failed of"}},
      {"", OtherReason{""}},
      {"1 slices failed", OtherReason{"1 slices failed"}},
      {"2 slice failed", OtherReason{"2 slice failed"}},
      {"2 slices failed at last", OtherReason{"2 slices failed at last"}},
      {"02 slices failed", OtherReason{"02 slices failed"}},
      {"99999999999999999999 slices failed", OtherReason{"99999999999999999999 slices failed"}},
      {"its controller died 11 times", OtherReason{"its controller died 11 times"}},
  };
  for (const auto& [text, reason] : rows) {
    EXPECT_EQ(parse_end_reason(text), reason) << text;
    EXPECT_EQ(to_text(reason), text);
  }
}

}  // namespace
}  // namespace slicemill
