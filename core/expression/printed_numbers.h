// The texts of numbers, durations and times in expressions: those of Go, as existing jobs expect them. Pure, any
// thread.
//
// duration := ["+" | "-"] ("0" | (decimal unit)+)     unit := "ns" | "us" | "µs" | "ms" | "s" | "m" | "h"
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/expression/value.h"
#include "core/runtime/result.h"

namespace slicemill::expression {

// The shortest digits that read as the same number: "0.5", "1e+06" from a million on, "1e-05", "NaN", "+Inf".
std::string printed_real(double number);

// "1h30m0s", "1.5s", "2ms", "0s".
std::string printed_duration(DurationValue duration);
// invalid: no such text, or one beyond 292 years.
Result<DurationValue> parse_duration(std::string_view text);

// "2026-11-24 16:36:27.5 +0000 UTC".
std::string printed_time(TimeValue time);
// "2026-11-24T16:36:27.5Z".
std::string rfc3339(TimeValue time);

// layout: how the moment Mon Jan 2 15:04:05 MST 2006 would be written, as in "2006-01-02 15:04". Text that stands for
// no part of a time is kept.
std::string format_time(TimeValue time, std::string_view layout);
// Nothing: the text is not written so, or names a day that there is not. Without an offset in it, the time is UTC's.
std::optional<TimeValue> parse_time(std::string_view text, std::string_view layout);

struct CivilTime {
  int year = 0;
  int month = 1;  // 1 to 12
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int weekday = 0;   // 0: Sunday
  int year_day = 1;  // 1 to 366
};
CivilTime civil_time(TimeValue time);

std::string_view month_name(int month);      // "November"
std::string_view weekday_name(int weekday);  // "Monday"

}  // namespace slicemill::expression
