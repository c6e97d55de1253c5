// Texts that stand for a time, as filters and documents hold them. Pure, any thread.
//
// date   := ISO 8601 (core/runtime/iso_time.h; without an offset in UTC), but not eight digits alone
//         | milliseconds since 1970 (not four digits)  |  "now" (("+" | "-") number unit)* ["/" unit]
// unit   := y M w d h H m s
#pragma once

#include <string_view>

#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill::query {

// The time that a text covers, both ends included: a date without a month is the whole year, "now/d" the whole day.
struct DatePeriod {
  WallMs first = 0;
  WallMs last = 0;
};

// invalid: not such a text.
Result<DatePeriod> parse_date_period(std::string_view text, WallMs now);

}  // namespace slicemill::query
