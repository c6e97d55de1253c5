#include "core/query/date_period.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace slicemill::query {

namespace {

using namespace std::chrono;
using Ms = sys_time<milliseconds>;

constexpr WallMs kLimitMs = 253'402'300'800'000;  // the year 10000, either side of 1970

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  std::optional<char> any() {
    if (done()) return std::nullopt;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  // Between `least` and `most` digits.
  std::optional<int> number(std::size_t least, std::size_t most) {
    std::size_t length = 0;
    while (length < rest_.size() && length < most && is_digit(rest_[length])) ++length;
    if (length < least) return std::nullopt;
    int value = 0;
    std::from_chars(rest_.data(), rest_.data() + length, value);
    rest_.remove_prefix(length);
    return value;
  }
  // ".5" is 500.
  std::optional<int> fraction_ms() {
    int value = 0;
    std::size_t length = 0;
    for (int scale = 100; length < rest_.size() && is_digit(rest_[length]); ++length, scale /= 10)
      value += (rest_[length] - '0') * scale;
    if (length == 0 || length > 9) return std::nullopt;
    rest_.remove_prefix(length);
    return value;
  }

 private:
  std::string_view rest_;
};

std::optional<WallMs> zone_offset(Cursor& cursor) {
  if (cursor.done() || cursor.take('Z')) return 0;
  const bool east = cursor.take('+');
  if (!east && !cursor.take('-')) return std::nullopt;
  const auto hour = cursor.number(2, 2);
  cursor.take(':');
  const auto minute = cursor.number(2, 2);
  if (!hour || !minute || *hour > 18 || *minute > 59) return std::nullopt;
  const WallMs offset = (*hour * 60 + *minute) * 60'000;
  return east ? offset : -offset;
}

WallMs ms_of(year_month_day date) {
  return Ms(sys_days(date)).time_since_epoch().count();
}

// From the hour on; `day` is when the day begins.
std::optional<DatePeriod> parse_time(Cursor& cursor, WallMs day) {
  const auto hour = cursor.number(2, 2);
  if (!hour || *hour > 23) return std::nullopt;
  WallMs first = day + *hour * 3'600'000LL;
  WallMs length = 3'600'000;
  if (cursor.take(':')) {
    const auto minute = cursor.number(2, 2);
    if (!minute || *minute > 59) return std::nullopt;
    first += *minute * 60'000LL;
    length = 60'000;
    if (cursor.take(':')) {
      const auto second = cursor.number(2, 2);
      if (!second || *second > 59) return std::nullopt;
      first += *second * 1000LL;
      length = 1000;
      if (cursor.take('.')) {
        const auto fraction = cursor.fraction_ms();
        if (!fraction) return std::nullopt;
        first += *fraction;
        length = 1;
      }
    }
  }
  const auto offset = zone_offset(cursor);
  if (!offset || !cursor.done()) return std::nullopt;
  return DatePeriod{first - *offset, first - *offset + length - 1};
}

std::optional<DatePeriod> parse_calendar(std::string_view text) {
  Cursor cursor(text);
  const auto y = cursor.number(4, 4);
  if (!y) return std::nullopt;
  if (cursor.done()) return DatePeriod{ms_of(year(*y) / 1 / 1), ms_of(year(*y + 1) / 1 / 1) - 1};
  const auto m = cursor.take('-') ? cursor.number(2, 2) : std::nullopt;
  if (!m || *m < 1 || *m > 12) return std::nullopt;
  const year_month month = year(*y) / *m;
  if (cursor.done()) return DatePeriod{ms_of(month / 1), ms_of((month + months(1)) / 1) - 1};
  const auto d = cursor.take('-') ? cursor.number(2, 2) : std::nullopt;
  if (!d || !(month / *d).ok()) return std::nullopt;
  const WallMs first = ms_of(month / *d);
  if (cursor.done()) return DatePeriod{first, first + 86'400'000 - 1};
  if (!cursor.take('T') && !cursor.take(' ')) return std::nullopt;
  return parse_time(cursor, first);
}

WallMs unit_ms(char unit) {
  switch (unit) {
    case 'w':
      return 7 * 86'400'000LL;
    case 'd':
      return 86'400'000;
    case 'h':
    case 'H':
      return 3'600'000;
    case 'm':
      return 60'000;
    case 's':
      return 1000;
    default:
      return 0;  // of the calendar, or none
  }
}

// Adds calendar months; a day that the month lacks becomes its last one.
WallMs plus_months(WallMs time, int count) {
  const Ms point{milliseconds(time)};
  const auto day = floor<days>(point);
  year_month_day date{day};
  date = date + months(count);
  if (!date.ok()) date = date.year() / date.month() / last;
  return ms_of(date) + (point - day).count();
}

std::optional<WallMs> moved(WallMs time, int count, char unit) {
  if (unit == 'y') return plus_months(time, count * 12);
  if (unit == 'M') return plus_months(time, count);
  const WallMs length = unit_ms(unit);
  if (length == 0) return std::nullopt;
  return time + count * length;
}

std::optional<DatePeriod> rounded(WallMs time, char unit) {
  const year_month_day date{floor<days>(Ms(milliseconds(time)))};
  if (unit == 'y') return DatePeriod{ms_of(date.year() / 1 / 1), ms_of((date.year() + years(1)) / 1 / 1) - 1};
  if (unit == 'M') {
    const year_month month = date.year() / date.month();
    return DatePeriod{ms_of(month / 1), ms_of((month + months(1)) / 1) - 1};
  }
  const WallMs length = unit_ms(unit);
  if (length == 0) return std::nullopt;
  // Weeks begin on Monday; 1970 began on a Thursday.
  const WallMs shift = unit == 'w' ? 3 * 86'400'000LL : 0;
  const WallMs offset = ((time + shift) % length + length) % length;
  return DatePeriod{time - offset, time - offset + length - 1};
}

std::optional<DatePeriod> parse_relative(std::string_view text, WallMs now) {
  Cursor cursor(text);
  if (!cursor.take("now")) return std::nullopt;
  WallMs time = now;
  for (bool forward = cursor.take('+'); forward || cursor.take('-'); forward = cursor.take('+')) {
    const auto count = cursor.number(1, 5);
    const auto unit = cursor.any();
    const auto next = count && unit ? moved(time, forward ? *count : -*count, *unit) : std::nullopt;
    if (!next || std::abs(*next) > kLimitMs) return std::nullopt;
    time = *next;
  }
  if (cursor.done()) return DatePeriod{time, time};
  if (!cursor.take('/')) return std::nullopt;
  const auto unit = cursor.any();
  if (!unit || !cursor.done()) return std::nullopt;
  return rounded(time, *unit);
}

std::optional<DatePeriod> parse_milliseconds(std::string_view text) {
  WallMs value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.size() == 4) return std::nullopt;
  return DatePeriod{value, value};
}

}  // namespace

Result<DatePeriod> parse_date_period(std::string_view text, WallMs now) {
  auto period = parse_calendar(text);
  if (!period) period = parse_relative(text, now);
  if (!period) period = parse_milliseconds(text);
  if (!period) return Error(ErrorCode::invalid, fmt::format("\"{}\" is no date", text));
  return *period;
}

}  // namespace slicemill::query
