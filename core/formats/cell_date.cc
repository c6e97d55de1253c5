#include "core/formats/cell_date.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>

#include "core/formats/byte_scan.h"
#include "core/runtime/ascii.h"

namespace slicemill {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                                       "friday", "saturday", "sunday"};
constexpr std::string_view kDirectives = "YmdeHIMSybBaApfzs";
constexpr std::string_view kTimeDirectives = "HIMSpfs";
constexpr std::size_t kShortName = 3;
constexpr std::size_t kMostFractionDigits = 9;
constexpr std::int64_t kLastSecond = 253'402'300'799;   // of the year 9999
constexpr std::int64_t kFirstSecond = -62'135'596'800;  // of the year 1

bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && is_same_word(text.substr(0, word.size()), word);
}

struct Found {
  int year = 1970, month = 1, day = 1;
  int hour = 0, minute = 0, second = 0;
  bool is_twelve_hours = false;
  bool is_afternoon = false;
  std::string_view fraction{};
  bool has_offset = false;
  int offset_minutes = 0;
};

class CellReader {
 public:
  explicit CellReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  void skip_blanks() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool number(std::size_t fewest, std::size_t most, int& value) {
    std::size_t size = 0;
    value = 0;
    while (size < most && size < rest_.size() && is_digit(rest_[size])) value = 10 * value + (rest_[size++] - '0');
    rest_.remove_prefix(size);
    return size >= fewest;
  }
  std::string_view digits(std::size_t most) {
    std::size_t size = 0;
    while (size < most && size < rest_.size() && is_digit(rest_[size])) ++size;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  // The place of the name in the list, from 1; its first three letters will do. 0: none of them.
  template <std::size_t N>
  int name(const std::array<std::string_view, N>& names) {
    for (std::size_t i = 0; i < N; ++i) {
      const bool is_long = begins_with(rest_, names[i]);
      if (!is_long && !begins_with(rest_, names[i].substr(0, kShortName))) continue;
      rest_.remove_prefix(is_long ? names[i].size() : kShortName);
      return static_cast<int>(i) + 1;
    }
    return 0;
  }
  bool seconds_since_epoch(std::int64_t& value) {
    const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (failure != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value >= kFirstSecond && value <= kLastSecond;
  }

 private:
  std::string_view rest_;
};

bool read_epoch(CellReader& reader, Found& found) {
  std::int64_t value = 0;
  if (!reader.seconds_since_epoch(value)) return false;
  const std::chrono::sys_seconds moment{std::chrono::seconds(value)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const auto second = static_cast<int>((moment - day).count());
  found.year = static_cast<int>(date.year());
  found.month = static_cast<int>(static_cast<unsigned>(date.month()));
  found.day = static_cast<int>(static_cast<unsigned>(date.day()));
  found.hour = second / 3600;
  found.minute = second / 60 % 60;
  found.second = second % 60;
  found.has_offset = true;
  return true;
}

bool read_zone(CellReader& reader, Found& found) {
  found.has_offset = true;
  if (reader.take('Z') || reader.take('z')) return true;
  const int sign = reader.take('+') ? 1 : reader.take('-') ? -1 : 0;
  int hours = 0, minutes = 0;
  if (sign == 0 || !reader.number(2, 2, hours)) return false;
  (void)reader.take(':');
  if (!reader.number(2, 2, minutes)) return false;
  found.offset_minutes = sign * (60 * hours + minutes);
  return hours < 24 && minutes < 60;
}

bool read_part(CellReader& reader, char directive, Found& found) {
  switch (directive) {
    case 'Y':
      return reader.number(4, 4, found.year);
    case 'y': {
      constexpr int kPivot = 69;
      if (!reader.number(2, 2, found.year)) return false;
      found.year += found.year < kPivot ? 2000 : 1900;
      return true;
    }
    case 'm':
      return reader.number(1, 2, found.month);
    case 'e':
      reader.skip_blanks();
      return reader.number(1, 2, found.day);
    case 'd':
      return reader.number(1, 2, found.day);
    case 'b':
    case 'B':
      found.month = reader.name(kMonths);
      return found.month > 0;
    case 'a':
    case 'A':
      return reader.name(kWeekdays) > 0;
    case 'H':
      return reader.number(1, 2, found.hour);
    case 'I':
      found.is_twelve_hours = true;
      return reader.number(1, 2, found.hour);
    case 'M':
      return reader.number(1, 2, found.minute);
    case 'S':
      return reader.number(1, 2, found.second);
    case 'f':
      found.fraction = reader.digits(kMostFractionDigits);
      return !found.fraction.empty();
    case 'p':
      found.is_afternoon = reader.take('P') || reader.take('p');
      if (!found.is_afternoon && !reader.take('A') && !reader.take('a')) return false;
      return reader.take('M') || reader.take('m');
    case 'z':
      return read_zone(reader, found);
    case 's':
      return read_epoch(reader, found);
    default:
      return false;
  }
}

bool is_good(Found& found) {
  const std::chrono::year_month_day date{std::chrono::year(found.year),
                                         std::chrono::month(static_cast<unsigned>(found.month)),
                                         std::chrono::day(static_cast<unsigned>(found.day))};
  if (!date.ok()) return false;
  if (found.is_twelve_hours) {
    if (found.hour < 1 || found.hour > 12) return false;
    found.hour = found.hour % 12 + (found.is_afternoon ? 12 : 0);
  }
  return found.hour < 24 && found.minute < 60 && found.second <= 60;  // 60: a leap second
}

char* write_digits(char* out, int value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + digits;
}

char* write_found(char* out, const Found& found, bool has_time) {
  out = write_digits(out, found.year, 4);
  *out++ = '-';
  out = write_digits(out, found.month, 2);
  *out++ = '-';
  out = write_digits(out, found.day, 2);
  if (!has_time) return out;
  *out++ = 'T';
  out = write_digits(out, found.hour, 2);
  *out++ = ':';
  out = write_digits(out, found.minute, 2);
  *out++ = ':';
  out = write_digits(out, found.second, 2);
  if (!found.fraction.empty()) {
    *out++ = '.';
    out = found.fraction.copy(out, found.fraction.size()) + out;
  }
  if (!found.has_offset) return out;
  if (found.offset_minutes == 0) {
    *out++ = 'Z';
    return out;
  }
  const int minutes = found.offset_minutes < 0 ? -found.offset_minutes : found.offset_minutes;
  *out++ = found.offset_minutes < 0 ? '-' : '+';
  out = write_digits(out, minutes / 60, 2);
  *out++ = ':';
  return write_digits(out, minutes % 60, 2);
}

// The directives that stand for several.
std::string spelled_out(std::string_view pattern) {
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    text.push_back(pattern[i]);
    if (pattern[i] != '%' || i + 1 == pattern.size()) continue;
    const char directive = pattern[++i];
    text.pop_back();
    text += directive == 'F'   ? "%Y-%m-%d"
            : directive == 'T' ? "%H:%M:%S"
            : directive == 'R' ? "%H:%M"
                               : std::string{'%', directive};
  }
  return text;
}

}  // namespace

Result<DatePattern> DatePattern::parse(std::string_view pattern) {
  const auto wrong = [&](std::string_view problem) {
    return Error(ErrorCode::invalid, fmt::format("the date format \"{}\" {}", pattern, problem), false);
  };
  DatePattern result;
  result.text_ = pattern;
  std::string seen;
  const std::string text = spelled_out(pattern);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result.parts_.push_back({'\0', text[i]});
      continue;
    }
    if (++i == text.size()) return wrong("ends with a %");
    const char directive = text[i];
    if (directive == '%') {
      result.parts_.push_back({'\0', '%'});
      continue;
    }
    if (kDirectives.find(directive) == std::string_view::npos)
      return wrong(fmt::format("has %{}, which is not known (docs/formats.md lists what is)", directive));
    if (seen.find(directive) != std::string::npos) return wrong(fmt::format("has %{} twice", directive));
    seen.push_back(directive);
    result.parts_.push_back({directive});
    if (kTimeDirectives.find(directive) != std::string_view::npos) result.has_time_ = true;
  }
  const auto has = [&](std::string_view any) { return seen.find_first_of(any) != std::string::npos; };
  if (!has("s") && !(has("Yy") && has("mbB") && has("de"))) return wrong("does not say year, month and day");
  if (has("I") != has("p")) return wrong("has one of %I and %p: an hour of twelve needs both");
  if (has("MS") && !has("HI") && !has("s")) return wrong("has minutes or seconds, and no hour");
  return result;
}

char* DatePattern::write_iso(std::string_view text, char* out) const {
  CellReader reader(text);
  Found found;
  for (const Part& part : parts_) {
    if (part.directive != '\0') {
      if (!read_part(reader, part.directive, found)) return nullptr;
    } else if (part.character == ' ') {
      reader.skip_blanks();
    } else if (!reader.take(part.character)) {
      return nullptr;
    }
  }
  if (!reader.at_end() || !is_good(found)) return nullptr;
  return write_found(out, found, has_time_);
}

}  // namespace slicemill
