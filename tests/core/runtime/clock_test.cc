#include "core/runtime/clock.h"

#include <gtest/gtest.h>

namespace slicemill {
namespace {

TEST(Clock, IsoTimes) {
  EXPECT_EQ(to_iso(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_iso(1'764'000'000'123), "2025-11-24T16:00:00.123Z");
  EXPECT_EQ(to_iso(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace slicemill
