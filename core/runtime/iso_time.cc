#include "core/runtime/iso_time.h"

namespace slicemill {
namespace {

using Precision = IsoTime::Precision;

bool is_iso_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes a text apart from its beginning.
class IsoReader {
 public:
  explicit IsoReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool has_digit() const { return !rest_.empty() && is_iso_digit(rest_.front()); }
  // A number of exactly so many digits.
  bool number(std::size_t digits, int& value) {
    if (rest_.size() < digits) return false;
    value = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (!is_iso_digit(c)) return false;
      value = 10 * value + (c - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }
  std::string_view digits() {
    std::size_t size = 0;
    while (size < rest_.size() && is_iso_digit(rest_[size])) ++size;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
};

bool read_date(IsoReader& reader, IsoTime& time) {
  int year = 0, month = 1, day = 1;
  if (!reader.number(4, year)) return false;
  if (!reader.at_end()) {
    time.is_basic = !reader.take('-');
    if (!reader.number(2, month)) return false;
    time.precision = Precision::month;
    if (time.is_basic || !reader.at_end()) {
      if ((!time.is_basic && !reader.take('-')) || !reader.number(2, day)) return false;
      time.precision = Precision::day;
    }
  }
  time.date = {std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
               std::chrono::day(static_cast<unsigned>(day))};
  return time.date.ok();
}

bool read_time(IsoReader& reader, IsoTime& time) {
  int hours = 0, minutes = 0, seconds = 0;
  // Whether a further part follows.
  const auto goes_on = [&] { return time.is_basic ? reader.has_digit() : reader.take(':'); };
  if (!reader.number(2, hours)) return false;
  time.precision = Precision::hour;
  if (goes_on()) {
    if (!reader.number(2, minutes)) return false;
    time.precision = Precision::minute;
    if (goes_on()) {
      if (!reader.number(2, seconds)) return false;
      time.precision = Precision::second;
      if (reader.take('.') || reader.take(',')) {
        time.fraction = reader.digits();
        if (time.fraction.empty()) return false;
        time.precision = Precision::fraction;
      }
    }
  }
  time.second_of_day = 3600 * hours + 60 * minutes + seconds;
  const bool is_end_of_day = hours == 24 && minutes == 0 && seconds == 0 && time.precision != Precision::hour &&
                             time.fraction.find_first_not_of('0') == std::string_view::npos;
  return (hours < 24 || is_end_of_day) && minutes < 60 && seconds <= 60;
}

bool read_offset(IsoReader& reader, IsoTime& time) {
  if (reader.at_end() || reader.take('Z') || reader.take('z')) return true;
  const int sign = reader.take('+') ? 1 : reader.take('-') ? -1 : 0;
  int hours = 0, minutes = 0;
  if (sign == 0 || !reader.number(2, hours)) return false;
  if ((reader.take(':') || reader.has_digit()) && !reader.number(2, minutes)) return false;
  time.offset_seconds = sign * (3600 * hours + 60 * minutes);
  return hours < 24 && minutes < 60;
}

}  // namespace

std::optional<IsoTime> IsoTime::parse(std::string_view text) {
  IsoReader reader(text);
  IsoTime time;
  if (!read_date(reader, time)) return std::nullopt;
  if (reader.at_end()) return time;
  if (time.precision != Precision::day) return std::nullopt;
  if (!reader.take('T') && !reader.take('t') && !reader.take(' ')) return std::nullopt;
  if (!read_time(reader, time) || !read_offset(reader, time) || !reader.at_end()) return std::nullopt;
  return time;
}

std::int64_t IsoTime::second() const {
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + second_of_day - offset_seconds;
}

}  // namespace slicemill
