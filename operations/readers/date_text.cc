#include "operations/readers/date_text.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <optional>

namespace slicemill {
namespace {

constexpr WallMs kMsPerDay = 86'400'000;

// Takes `digits` digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<WallMs> take_day(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kMsPerDay;
}

std::optional<WallMs> take_time(std::string_view& text) {
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  WallMs ms = (*hour * 60 + *minute) * 60'000LL;
  if (!take(text, ':')) return ms;
  const auto second = take_number(text, 2);
  if (!second || *second > 59) return std::nullopt;
  ms += *second * 1000LL;
  if (!take(text, '.')) return ms;
  int digits = 0;
  for (int unit = 100; !text.empty() && text.front() >= '0' && text.front() <= '9'; unit /= 10, ++digits) {
    ms += (text.front() - '0') * unit;
    text.remove_prefix(1);
  }
  return digits > 0 ? std::optional(ms) : std::nullopt;
}

std::optional<WallMs> take_offset(std::string_view& text) {
  if (text.empty() || take(text, 'Z')) return 0;
  const bool is_behind = text.starts_with('-');
  if (!is_behind && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2);
  take(text, ':');
  const auto minutes = take_number(text, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const WallMs ms = (*hours * 60 + *minutes) * 60'000LL;
  return is_behind ? -ms : ms;
}

char* write_digits(char* out, int number, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return out + digits;
}

}  // namespace

Result<WallMs> parse_date(std::string_view text) {
  auto rest = text;
  auto time = take_day(rest);
  if (time && (take(rest, 'T') || take(rest, ' '))) {
    const auto of_day = take_time(rest);
    const auto offset = of_day ? take_offset(rest) : std::nullopt;
    time = of_day && offset ? std::optional(*time + *of_day - *offset) : std::nullopt;
  }
  if (!time || !rest.empty()) {
    return Error(ErrorCode::invalid,
                 fmt::format("\"{}\" is not a date such as 2026-01-19 or 2026-01-19T13:48:08.426Z", text), false);
  }
  return *time;
}

char* write_date(char* out, WallMs time, bool with_offset) {
  const auto days = (time >= 0 ? time : time - (kMsPerDay - 1)) / kMsPerDay;
  const auto of_day = static_cast<int>(time - days * kMsPerDay);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  out = write_digits(out, static_cast<int>(date.year()), 4);
  *out++ = '-';
  out = write_digits(out, static_cast<int>(static_cast<unsigned>(date.month())), 2);
  *out++ = '-';
  out = write_digits(out, static_cast<int>(static_cast<unsigned>(date.day())), 2);
  *out++ = 'T';
  out = write_digits(out, of_day / 3'600'000, 2);
  *out++ = ':';
  out = write_digits(out, of_day / 60'000 % 60, 2);
  *out++ = ':';
  out = write_digits(out, of_day / 1000 % 60, 2);
  *out++ = '.';
  out = write_digits(out, of_day % 1000, 3);
  if (!with_offset) {
    *out++ = 'Z';
    return out;
  }
  std::memcpy(out, "+00:00", 6);
  return out + 6;
}

}  // namespace slicemill
