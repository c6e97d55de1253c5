#include "core/query/date_period.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/runtime/iso_time.h"

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

 private:
  std::string_view rest_;
};

WallMs ms_of(year_month_day date) {
  return Ms(sys_days(date)).time_since_epoch().count();
}

WallMs fraction_ms(std::string_view digits) {
  WallMs value = 0;
  int scale = 100;
  for (const char digit : digits.substr(0, 3)) {
    value += (digit - '0') * scale;
    scale /= 10;
  }
  return value;
}

std::optional<DatePeriod> parse_calendar(std::string_view text) {
  using Precision = IsoTime::Precision;
  const auto time = IsoTime::parse(text);
  if (!time || (time->is_basic && time->precision == Precision::day)) return std::nullopt;
  const WallMs first = time->second() * 1000 + fraction_ms(time->fraction);
  const year_month month = time->date.year() / time->date.month();
  switch (time->precision) {
    case Precision::year:
      return DatePeriod{first, ms_of((time->date.year() + years(1)) / 1 / 1) - 1};
    case Precision::month:
      return DatePeriod{first, ms_of((month + months(1)) / 1) - 1};
    case Precision::day:
      return DatePeriod{first, first + 86'400'000 - 1};
    case Precision::hour:
      return DatePeriod{first, first + 3'600'000 - 1};
    case Precision::minute:
      return DatePeriod{first, first + 60'000 - 1};
    case Precision::second:
      return DatePeriod{first, first + 1000 - 1};
    case Precision::fraction:
      return DatePeriod{first, first};
  }
  return std::nullopt;
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
