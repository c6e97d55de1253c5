#include "core/formats/iso_date.h"

#include <chrono>

#include "core/formats/byte_scan.h"

namespace slicemill {
namespace {

// Takes a text apart from its beginning.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool has_digit() const { return !rest_.empty() && is_digit(rest_.front()); }
  // A number of exactly so many digits.
  bool number(std::size_t digits, int& value) {
    if (rest_.size() < digits) return false;
    value = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (!is_digit(c)) return false;
      value = 10 * value + (c - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }
  std::string_view digits() {
    std::size_t size = 0;
    while (size < rest_.size() && is_digit(rest_[size])) ++size;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
};

// Seconds that local time is ahead of UTC.
bool read_offset(DateReader& reader, int& seconds) {
  seconds = 0;
  if (reader.at_end() || reader.take('Z') || reader.take('z')) return true;
  const int sign = reader.take('+') ? 1 : reader.take('-') ? -1 : 0;
  int hours = 0, minutes = 0;
  if (sign == 0 || !reader.number(2, hours)) return false;
  if (reader.take(':') || reader.has_digit()) {
    if (!reader.number(2, minutes)) return false;
  }
  seconds = sign * (3600 * hours + 60 * minutes);
  return hours < 24 && minutes < 60;
}

bool read_time(DateReader& reader, bool is_basic, int& second, std::string& fraction) {
  int hours = 0, minutes = 0, seconds = 0;
  if (!reader.number(2, hours)) return false;
  if (!is_basic && !reader.take(':')) return false;
  if (!reader.number(2, minutes)) return false;
  if (is_basic ? reader.has_digit() : reader.take(':')) {
    if (!reader.number(2, seconds)) return false;
    if (reader.take('.') || reader.take(',')) {
      fraction = reader.digits();
      if (fraction.empty()) return false;
      fraction.erase(fraction.find_last_not_of('0') + 1);
    }
  }
  second = 3600 * hours + 60 * minutes + seconds;
  const bool is_end_of_day = hours == 24 && minutes == 0 && seconds == 0 && fraction.empty();
  return (hours < 24 || is_end_of_day) && minutes < 60 && seconds <= 60;  // 60: a leap second
}

}  // namespace

std::optional<IsoInstant> IsoInstant::parse(std::string_view text) {
  DateReader reader(text);
  int year = 0, month = 0, day = 0, offset = 0, second = 0;
  if (!reader.number(4, year)) return std::nullopt;
  const bool is_basic = !reader.take('-');
  if (!reader.number(2, month) || (!is_basic && !reader.take('-')) || !reader.number(2, day)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  IsoInstant instant;
  // Eight digits alone are a number to most who write them.
  if (reader.at_end() && is_basic) return std::nullopt;
  if (!reader.at_end()) {
    if (!reader.take('T') && !reader.take('t') && !reader.take(' ')) return std::nullopt;
    if (!read_time(reader, is_basic, second, instant.fraction_) || !read_offset(reader, offset)) return std::nullopt;
    if (!reader.at_end()) return std::nullopt;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  instant.second_ = days * 86400 + second - offset;
  return instant;
}

int IsoInstant::compare(const IsoInstant& other) const {
  if (second_ != other.second_) return second_ < other.second_ ? -1 : 1;
  const int order = fraction_.compare(other.fraction_);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

}  // namespace slicemill
