#include "core/expression/printed_numbers.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "core/runtime/ascii.h"

namespace slicemill::expression {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr int kDaySeconds = 86'400;
// Numbers from 0.0001 to below 1,000,000 are written without an exponent.
constexpr int kLeastFixedExponent = -4;
constexpr int kFirstLargeExponent = 6;

struct DurationUnit {
  std::string_view name;
  std::int64_t ns;
};
// The longer names first where one begins with another.
constexpr std::array kDurationUnits = {
    DurationUnit{"ns", 1},           DurationUnit{"us", 1'000},         DurationUnit{"\u00b5s", 1'000},
    DurationUnit{"\u03bcs", 1'000},  DurationUnit{"ms", 1'000'000},     DurationUnit{"s", kSecond},
    DurationUnit{"m", 60 * kSecond}, DurationUnit{"h", 3600 * kSecond},
};

constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::size_t kShortName = 3;

// ".5", ".25" of a whole that has `digits` decimal digits; "" for 0.
std::string fraction_text(std::int64_t part, int digits) {
  if (part == 0) return "";
  std::string text = fmt::format(".{:0{}}", part, digits);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

bool is_digit_byte(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digits_at(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit_byte(text[count])) ++count;
  return count;
}

// value * 10 + digit, or nothing beyond the range.
bool push_digit(std::int64_t& value, char digit) {
  return !__builtin_mul_overflow(value, 10, &value) && !__builtin_add_overflow(value, digit - '0', &value);
}

// One "1.5h" at the head of the text, which it takes away.
std::optional<std::int64_t> take_duration_part(std::string_view& text) {
  std::int64_t whole = 0;
  const auto whole_digits = digits_at(text);
  for (const char digit : text.substr(0, whole_digits))
    if (!push_digit(whole, digit)) return {};
  text.remove_prefix(whole_digits);
  std::string_view fraction;
  if (text.starts_with('.')) {
    fraction = text.substr(1, digits_at(text.substr(1)));
    text.remove_prefix(1 + fraction.size());
  }
  if (whole_digits == 0 && fraction.empty()) return {};
  const auto* unit =
      std::ranges::find_if(kDurationUnits, [&](const DurationUnit& one) { return text.starts_with(one.name); });
  if (unit == kDurationUnits.end()) return {};
  text.remove_prefix(unit->name.size());
  std::int64_t ns = 0;
  if (__builtin_mul_overflow(whole, unit->ns, &ns)) return {};
  double part = 0;
  double scale = static_cast<double>(unit->ns);
  for (const char digit : fraction.substr(0, 18)) part += (digit - '0') * (scale /= 10);
  if (__builtin_add_overflow(ns, static_cast<std::int64_t>(part + 1e-6), &ns)) return {};
  return ns;
}

std::string offset_text(int offset, std::string_view between) {
  const int minutes = std::abs(offset) / 60;
  return fmt::format("{}{:02}{}{:02}", offset < 0 ? '-' : '+', minutes / 60, between, minutes % 60);
}

// ---- layouts: the parts of a time, each as the reference moment would be written ----

enum class Part {
  literal,
  year,            // 2006
  short_year,      // 06
  month_name,      // January
  short_month,     // Jan
  month,           // 01
  bare_month,      // 1
  weekday,         // Monday
  short_weekday,   // Mon
  day,             // 02
  blank_day,       // _2
  bare_day,        // 2
  year_day,        // 002
  hour,            // 15
  half_hour,       // 03, of twelve
  bare_half_hour,  // 3
  minute,          // 04
  bare_minute,     // 4
  second,          // 05
  bare_second,     // 5
  upper_half,      // PM
  lower_half,      // pm
  fraction,        // .000, .999 after seconds
  zone,            // MST
  offset,          // -0700, Z0700
  colon_offset,    // -07:00, Z07:00
  hour_offset,     // -07
};

struct PartName {
  std::string_view name;
  Part part;
  bool with_z = false;  // UTC is "Z"
};
// The longer names first.
constexpr std::array kParts = {
    PartName{"January", Part::month_name},
    PartName{"Jan", Part::short_month},
    PartName{"Monday", Part::weekday},
    PartName{"Mon", Part::short_weekday},
    PartName{"MST", Part::zone},
    PartName{"2006", Part::year},
    PartName{"002", Part::year_day},
    PartName{"01", Part::month},
    PartName{"02", Part::day},
    PartName{"03", Part::half_hour},
    PartName{"04", Part::minute},
    PartName{"05", Part::second},
    PartName{"06", Part::short_year},
    PartName{"15", Part::hour},
    PartName{"_2", Part::blank_day},
    PartName{"-07:00", Part::colon_offset},
    PartName{"-0700", Part::offset},
    PartName{"-07", Part::hour_offset},
    PartName{"Z07:00", Part::colon_offset, true},
    PartName{"Z0700", Part::offset, true},
    PartName{"PM", Part::upper_half},
    PartName{"pm", Part::lower_half},
    PartName{"1", Part::bare_month},
    PartName{"2", Part::bare_day},
    PartName{"3", Part::bare_half_hour},
    PartName{"4", Part::bare_minute},
    PartName{"5", Part::bare_second},
};

struct LayoutPart {
  Part part = Part::literal;
  std::string_view text;  // as it stands in the layout
  bool with_z = false;
};

// The next part of a layout, which is taken from its head.
LayoutPart take_part(std::string_view& layout) {
  const auto take = [&](std::size_t size) {
    const auto text = layout.substr(0, size);
    layout.remove_prefix(size);
    return text;
  };
  if ((layout[0] == '.' || layout[0] == ',') && layout.size() > 1 && (layout[1] == '0' || layout[1] == '9')) {
    const auto end = std::min(layout.find_first_not_of(layout[1], 1), layout.size());
    if (end == layout.size() || !is_digit_byte(layout[end])) return {Part::fraction, take(end)};
  }
  const auto* found = std::ranges::find_if(kParts, [&](const PartName& one) { return layout.starts_with(one.name); });
  if (found == kParts.end()) return {Part::literal, take(1)};
  return {found->part, take(found->name.size()), found->with_z};
}

std::string fraction_part(std::int32_t ns, std::string_view layout) {
  const auto digits = std::min<std::size_t>(layout.size() - 1, 9);
  std::string text = fmt::format("{:09}", ns).substr(0, digits);
  if (layout[1] == '9') {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.empty()) return "";
  }
  return layout[0] + text;
}

int twelve_hour(int hour) {
  return hour % 12 == 0 ? 12 : hour % 12;
}

std::string part_text(const LayoutPart& part, const CivilTime& civil, const TimeValue& time) {
  switch (part.part) {
    case Part::literal:
      return std::string(part.text);
    case Part::year:
      return fmt::format("{:04}", civil.year);
    case Part::short_year:
      return fmt::format("{:02}", std::abs(civil.year) % 100);
    case Part::month_name:
      return std::string(month_name(civil.month));
    case Part::short_month:
      return std::string(month_name(civil.month).substr(0, kShortName));
    case Part::month:
      return fmt::format("{:02}", civil.month);
    case Part::bare_month:
      return std::to_string(civil.month);
    case Part::weekday:
      return std::string(weekday_name(civil.weekday));
    case Part::short_weekday:
      return std::string(weekday_name(civil.weekday).substr(0, kShortName));
    case Part::day:
      return fmt::format("{:02}", civil.day);
    case Part::blank_day:
      return fmt::format("{:2}", civil.day);
    case Part::bare_day:
      return std::to_string(civil.day);
    case Part::year_day:
      return fmt::format("{:03}", civil.year_day);
    case Part::hour:
      return fmt::format("{:02}", civil.hour);
    case Part::half_hour:
      return fmt::format("{:02}", twelve_hour(civil.hour));
    case Part::bare_half_hour:
      return std::to_string(twelve_hour(civil.hour));
    case Part::minute:
      return fmt::format("{:02}", civil.minute);
    case Part::bare_minute:
      return std::to_string(civil.minute);
    case Part::second:
      return fmt::format("{:02}", civil.second);
    case Part::bare_second:
      return std::to_string(civil.second);
    case Part::upper_half:
      return civil.hour < 12 ? "AM" : "PM";
    case Part::lower_half:
      return civil.hour < 12 ? "am" : "pm";
    case Part::fraction:
      return fraction_part(time.ns, part.text);
    case Part::zone:
      return time.offset == 0 ? "UTC" : offset_text(time.offset, "");
    case Part::offset:
      return part.with_z && time.offset == 0 ? "Z" : offset_text(time.offset, "");
    case Part::colon_offset:
      return part.with_z && time.offset == 0 ? "Z" : offset_text(time.offset, ":");
    case Part::hour_offset:
      return offset_text(time.offset, "").substr(0, 3);
  }
  return "";
}

// What a text said of a time so far.
struct TimeDraft {
  CivilTime civil;
  std::int32_t ns = 0;
  std::int32_t offset = 0;
  std::optional<bool> is_afternoon;
  bool has_half_hour = false;
  bool has_year_day = false;
};

std::optional<int> take_number(std::string_view& text, std::size_t least, std::size_t most) {
  const auto digits = std::min(digits_at(text), most);
  if (digits < least) return {};
  int value = 0;
  std::from_chars(text.data(), text.data() + digits, value);
  text.remove_prefix(digits);
  return value;
}

// The index of the name that the text begins with, its case aside.
template <std::size_t count>
std::optional<int> take_name(std::string_view& text, const std::array<std::string_view, count>& names, bool is_short) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto name = is_short ? names[i].substr(0, kShortName) : names[i];
    if (!is_same_word(text.substr(0, name.size()), name)) continue;
    text.remove_prefix(name.size());
    return static_cast<int>(i);
  }
  return {};
}

bool take_offset(std::string_view& text, const LayoutPart& part, TimeDraft& draft) {
  if (part.with_z && text.starts_with('Z')) {
    text.remove_prefix(1);
    return true;
  }
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2, 2);
  if (!hours || *hours > 24) return false;
  int minutes = 0;
  if (part.part != Part::hour_offset) {
    if (part.part == Part::colon_offset) {
      if (!text.starts_with(':')) return false;
      text.remove_prefix(1);
    }
    const auto given = take_number(text, 2, 2);
    if (!given || *given > 59) return false;
    minutes = *given;
  }
  draft.offset = sign * (*hours * 3600 + minutes * 60);
  return true;
}

bool take_fraction(std::string_view& text, TimeDraft& draft) {
  if (text.empty() || (text[0] != '.' && text[0] != ',')) return false;
  const auto digits = digits_at(text.substr(1));
  if (digits == 0) return false;
  std::string padded(text.substr(1, std::min<std::size_t>(digits, 9)));
  padded.resize(9, '0');
  std::from_chars(padded.data(), padded.data() + padded.size(), draft.ns);
  text.remove_prefix(1 + digits);
  return true;
}

bool take_half(std::string_view& text, TimeDraft& draft) {
  const auto word = text.substr(0, 2);
  if (!is_same_word(word, "AM") && !is_same_word(word, "PM")) return false;
  draft.is_afternoon = is_same_word(word, "PM");
  text.remove_prefix(2);
  return true;
}

// A name of a zone: only those of UTC say what they mean.
bool take_zone(std::string_view& text) {
  for (const std::string_view name : {"UTC", "GMT"}) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return true;
  }
  return false;
}

bool store(std::optional<int> number, int& into, int least, int most) {
  if (!number || *number < least || *number > most) return false;
  into = *number;
  return true;
}

bool take_time_part(std::string_view& text, const LayoutPart& part, TimeDraft& draft) {
  auto& civil = draft.civil;
  switch (part.part) {
    case Part::literal:
      if (!text.starts_with(part.text)) return false;
      text.remove_prefix(part.text.size());
      return true;
    case Part::year:
      return store(take_number(text, 4, 4), civil.year, 0, 9999);
    case Part::short_year: {
      int year = 0;
      if (!store(take_number(text, 2, 2), year, 0, 99)) return false;
      civil.year = year + (year >= 69 ? 1900 : 2000);
      return true;
    }
    case Part::month_name:
    case Part::short_month: {
      const auto index = take_name(text, kMonths, part.part == Part::short_month);
      if (!index) return false;
      civil.month = *index + 1;
      return true;
    }
    case Part::month:
      return store(take_number(text, 2, 2), civil.month, 1, 12);
    case Part::bare_month:
      return store(take_number(text, 1, 2), civil.month, 1, 12);
    case Part::weekday:
      return take_name(text, kWeekdays, false).has_value();
    case Part::short_weekday:
      return take_name(text, kWeekdays, true).has_value();
    case Part::day:
      return store(take_number(text, 2, 2), civil.day, 1, 31);
    case Part::blank_day:
      if (text.starts_with(' ')) text.remove_prefix(1);
      return store(take_number(text, 1, 2), civil.day, 1, 31);
    case Part::bare_day:
      return store(take_number(text, 1, 2), civil.day, 1, 31);
    case Part::year_day:
      draft.has_year_day = true;
      return store(take_number(text, 3, 3), civil.year_day, 1, 366);
    case Part::hour:
      return store(take_number(text, 2, 2), civil.hour, 0, 23);
    case Part::half_hour:
    case Part::bare_half_hour:
      draft.has_half_hour = true;
      return store(take_number(text, part.part == Part::half_hour ? 2 : 1, 2), civil.hour, 1, 12);
    case Part::minute:
    case Part::bare_minute:
      return store(take_number(text, part.part == Part::minute ? 2 : 1, 2), civil.minute, 0, 59);
    case Part::second:
    case Part::bare_second:
      if (!store(take_number(text, part.part == Part::second ? 2 : 1, 2), civil.second, 0, 59)) return false;
      // A fraction may stand in the text although the layout has none.
      if (text.size() > 1 && text[0] == '.' && is_digit_byte(text[1])) return take_fraction(text, draft);
      return true;
    case Part::upper_half:
    case Part::lower_half:
      return take_half(text, draft);
    case Part::fraction:
      return draft.ns != 0 || part.text[1] == '9' || take_fraction(text, draft);
    case Part::zone:
      return take_zone(text);
    case Part::offset:
    case Part::colon_offset:
    case Part::hour_offset:
      return take_offset(text, part, draft);
  }
  return false;
}

std::optional<TimeValue> time_of(TimeDraft draft) {
  auto& civil = draft.civil;
  if (draft.has_half_hour) civil.hour = civil.hour % 12 + (draft.is_afternoon.value_or(false) ? 12 : 0);
  const std::chrono::year_month_day date{std::chrono::year(civil.year),
                                         std::chrono::month(static_cast<unsigned>(civil.month)),
                                         std::chrono::day(static_cast<unsigned>(civil.day))};
  if (!date.ok()) return {};
  std::int64_t day = std::chrono::sys_days(date).time_since_epoch().count();
  if (draft.has_year_day) {
    const std::chrono::year_month_day first{std::chrono::year(civil.year), std::chrono::month(1), std::chrono::day(1)};
    day = std::chrono::sys_days(first).time_since_epoch().count() + civil.year_day - 1;
  }
  TimeValue time;
  const int of_day = (civil.hour * 60 + civil.minute) * 60 + civil.second;
  time.second = day * kDaySeconds + of_day - draft.offset;
  time.ns = draft.ns;
  time.offset = draft.offset;
  return time;
}

}  // namespace

std::string printed_real(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Inf" : "+Inf";
  if (number == 0) return std::signbit(number) ? "-0" : "0";
  std::array<char, 64> buffer{};
  const auto scientific =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(scientific.ptr - buffer.data()));
  const auto mark = text.rfind('e');
  const int exponent = std::atoi(std::string(text.substr(mark + 1)).c_str());
  if (exponent >= kLeastFixedExponent && exponent < kFirstLargeExponent) {
    const auto fixed = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::fixed);
    return {buffer.data(), fixed.ptr};
  }
  return std::string(text);
}

std::string printed_duration(DurationValue duration) {
  if (duration.ns == 0) return "0s";
  const std::string sign = duration.ns < 0 ? "-" : "";
  const auto ns =
      duration.ns < 0 ? 0 - static_cast<std::uint64_t>(duration.ns) : static_cast<std::uint64_t>(duration.ns);
  if (ns < 1'000) return fmt::format("{}{}ns", sign, ns);
  if (ns < 1'000'000)
    return fmt::format("{}{}{}\u00b5s", sign, ns / 1'000, fraction_text(static_cast<std::int64_t>(ns % 1'000), 3));
  if (ns < kSecond)
    return fmt::format("{}{}{}ms", sign, ns / 1'000'000, fraction_text(static_cast<std::int64_t>(ns % 1'000'000), 6));
  const auto seconds = ns / kSecond;
  std::string text = sign;
  if (seconds >= 3600) text += fmt::format("{}h", seconds / 3600);
  if (seconds >= 60) text += fmt::format("{}m", seconds / 60 % 60);
  return text + fmt::format("{}{}s", seconds % 60, fraction_text(static_cast<std::int64_t>(ns % kSecond), 9));
}

Result<DurationValue> parse_duration(std::string_view text) {
  const Error bad{ErrorCode::invalid, "this is no duration; write it like 1h30m, 1.5s or 100ms", false};
  bool is_negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    is_negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return DurationValue{};
  if (text.empty()) return bad;
  std::int64_t ns = 0;
  while (!text.empty()) {
    const auto part = take_duration_part(text);
    if (!part || __builtin_add_overflow(ns, *part, &ns)) return bad;
  }
  return DurationValue{is_negative ? -ns : ns};
}

CivilTime civil_time(TimeValue time) {
  const std::int64_t local = time.second + time.offset;
  const std::int64_t day = local >= 0 ? local / kDaySeconds : (local - kDaySeconds + 1) / kDaySeconds;
  const auto of_day = static_cast<int>(local - day * kDaySeconds);
  const std::chrono::sys_days days{std::chrono::days(static_cast<int>(day))};
  const std::chrono::year_month_day date{days};
  CivilTime civil;
  civil.year = static_cast<int>(date.year());
  civil.month = static_cast<int>(static_cast<unsigned>(date.month()));
  civil.day = static_cast<int>(static_cast<unsigned>(date.day()));
  civil.hour = of_day / 3600;
  civil.minute = of_day / 60 % 60;
  civil.second = of_day % 60;
  civil.weekday = static_cast<int>(std::chrono::weekday(days).c_encoding());
  const std::chrono::year_month_day first{date.year(), std::chrono::month(1), std::chrono::day(1)};
  civil.year_day = static_cast<int>((days - std::chrono::sys_days(first)).count()) + 1;
  return civil;
}

std::string_view month_name(int month) {
  return kMonths[static_cast<std::size_t>(month - 1)];
}

std::string_view weekday_name(int weekday) {
  return kWeekdays[static_cast<std::size_t>(weekday)];
}

std::string format_time(TimeValue time, std::string_view layout) {
  const auto civil = civil_time(time);
  std::string text;
  while (!layout.empty()) text += part_text(take_part(layout), civil, time);
  return text;
}

std::optional<TimeValue> parse_time(std::string_view text, std::string_view layout) {
  TimeDraft draft;
  while (!layout.empty())
    if (!take_time_part(text, take_part(layout), draft)) return {};
  if (!text.empty()) return {};
  return time_of(draft);
}

std::string printed_time(TimeValue time) {
  return format_time(time, "2006-01-02 15:04:05.999999999 -0700 MST");
}

std::string rfc3339(TimeValue time) {
  return format_time(time, "2006-01-02T15:04:05.999999999Z07:00");
}

}  // namespace slicemill::expression
