#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/expression/functions.h"
#include "core/expression/printed_numbers.h"

namespace slicemill::expression {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kMinuteNs = 60 * kSecondNs;
constexpr std::int64_t kHourNs = 60 * kMinuteNs;

// The forms of a date that `date` knows without being told.
constexpr std::array<std::string_view, 8> kLayouts = {"2006-01-02",
                                                      "15:04:05",
                                                      "2006-01-02 15:04:05",
                                                      "2006-01-02T15:04:05Z07:00",
                                                      "02 Jan 06 15:04 MST",
                                                      "Monday, 02-Jan-06 15:04:05 MST",
                                                      "Mon, 02 Jan 2006 15:04:05 MST",
                                                      "Mon, 02 Jan 2006 15:04:05 -0700"};

Error time_error(std::string message) {
  return {ErrorCode::invalid, std::move(message), false};
}

Result<Value> current_time(const Call& call) {
  return Value(call.environment.now);
}

Result<Value> duration(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  RETURN_IF_ERROR(call.budget.look(text.size()));
  ASSIGN_OR_RETURN(const auto parsed, parse_duration(text));
  return Value(parsed);
}

Result<Value> date(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  RETURN_IF_ERROR(call.budget.step(text.size() / 8 + 16));
  if (call.size() > 1) {
    ASSIGN_OR_RETURN(const auto layout, call.text(1));
    RETURN_IF_ERROR(call.budget.step(layout.size()));
    if (call.size() > 2) {
      ASSIGN_OR_RETURN(const auto zone, call.text(2));
      if (zone != "UTC" && !zone.empty())
        return time_error("date knows no zone but UTC; write the offset into the date");
    }
    const auto time = parse_time(text, layout);
    if (!time) return time_error("the string is no date of that layout");
    return Value(*time);
  }
  for (const auto layout : kLayouts)
    if (const auto time = parse_time(text, layout)) return Value(*time);
  return time_error("the string is no date; date(string, layout) reads other forms");
}

// ---- methods ----

// nil: no such method.
Value part_of_time(const TimeValue& time, std::string_view name) {
  const auto civil = civil_time(time);
  if (name == "Year") return civil.year;
  if (name == "Day") return civil.day;
  if (name == "Hour") return civil.hour;
  if (name == "Minute") return civil.minute;
  if (name == "Second") return civil.second;
  if (name == "Nanosecond") return time.ns;
  if (name == "YearDay") return civil.year_day;
  if (name == "Unix") return time.second;
  if (name == "Month") return month_name(civil.month);
  if (name == "Weekday") return weekday_name(civil.weekday);
  if (name == "String") return printed_time(time);
  if (name == "UTC") return TimeValue{time.second, time.ns, 0};
  return Value();
}

Result<Value> scaled_unix(const TimeValue& time, std::int64_t per_second) {
  std::int64_t scaled = 0;
  if (__builtin_mul_overflow(time.second, per_second, &scaled) ||
      __builtin_add_overflow(scaled, time.ns / (kSecondNs / per_second), &scaled))
    return time_error("the time does not fit into 64 bits");
  return Value(scaled);
}

Result<Value> time_method(const Call& call, const TimeValue& time) {
  const auto name = call.name;
  if (call.size() == 1) {
    if (name == "UnixMilli") return scaled_unix(time, 1'000);
    if (name == "UnixMicro") return scaled_unix(time, 1'000'000);
    if (name == "UnixNano") return scaled_unix(time, kSecondNs);
    if (auto value = part_of_time(time, name); !value.is_nil()) return value;
  }
  if (call.size() == 2 && name == "Format") {
    ASSIGN_OR_RETURN(const auto layout, call.text(1));
    RETURN_IF_ERROR(call.budget.step(layout.size()));
    RETURN_IF_ERROR(call.budget.make(layout.size() * 8));
    return Value(format_time(time, layout));
  }
  if (call.size() == 2 && (name == "Before" || name == "After" || name == "Equal")) {
    RETURN_IF_ERROR(call.require(1, Kind::time));
    ASSIGN_OR_RETURN(const int order, compare(call[0], call[1]));
    return Value(name == "Before" ? order < 0 : name == "After" ? order > 0 : order == 0);
  }
  return time_error(fmt::format("a time has no method {} with {} arguments", name, call.size() - 1));
}

Result<Value> duration_method(const Call& call, DurationValue value) {
  const auto name = call.name;
  const auto ns = static_cast<double>(value.ns);
  if (call.size() == 1) {
    if (name == "Hours") return Value(ns / static_cast<double>(kHourNs));
    if (name == "Minutes") return Value(ns / static_cast<double>(kMinuteNs));
    if (name == "Seconds") return Value(ns / static_cast<double>(kSecondNs));
    if (name == "Milliseconds") return Value(value.ns / 1'000'000);
    if (name == "Microseconds") return Value(value.ns / 1'000);
    if (name == "Nanoseconds") return Value(value.ns);
    if (name == "String") return Value(printed_duration(value));
  }
  return time_error(fmt::format("a duration has no method {} with {} arguments", name, call.size() - 1));
}

constexpr std::array kTimeFunctions = {
    Function{"now", 0, 0, current_time, Kind::time},
    Function{"duration", 1, 1, duration, Kind::duration},
    Function{"date", 1, 3, date, Kind::time},
};

}  // namespace

std::span<const Function> time_functions() {
  return kTimeFunctions;
}

Result<Value> call_method(const Call& call) {
  if (call[0].kind() == Kind::time) return time_method(call, call[0].time());
  if (call[0].kind() == Kind::duration) return duration_method(call, call[0].duration());
  return time_error(fmt::format("{} has no method {}", to_string(call[0].kind()), call.name));
}

}  // namespace slicemill::expression
