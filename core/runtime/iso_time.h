// ISO 8601 dates and times as text: the one grammar that filters, fields of records and documents share. What a text of
// less than full precision stands for (a moment, a period, nothing) is for the caller to say. Pure, any thread.
//
// text   := year ["-" month ["-" day [separator time [offset]]]]  |  year month day separator time [offset]
// time   := hour [[":"] minute [[":"] second [("." | ",") digits]]]      colons as the date has hyphens: all or none
// offset := "Z" | ("+" | "-") hour [[":"] minute]                        separator: "T" or a blank
//
// Years have four digits, other numbers two. "t" and "z" are taken too; so are 24:00, the end of a day, and :60, a
// leap second.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slicemill {

struct IsoTime {
  enum class Precision : std::uint8_t { year, month, day, hour, minute, second, fraction };

  std::chrono::year_month_day date;  // of a lesser precision: the first day
  int second_of_day = 0;             // local; up to 86,400
  std::string_view fraction{};       // digits of the second, within the text; ends as the text has them
  int offset_seconds = 0;            // that local time is ahead of UTC
  Precision precision = Precision::year;
  bool is_basic = false;  // without hyphens and colons

  // Nothing: it is no such text, or no such day or time.
  static std::optional<IsoTime> parse(std::string_view text);

  // In UTC, since 1970, without the fraction.
  std::int64_t second() const;
};

}  // namespace slicemill
