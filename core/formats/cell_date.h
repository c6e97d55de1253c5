// Dates and times in table cells that are not written as ISO 8601 has it: read by a pattern, written as ISO 8601. Pure,
// any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill {

// What a pattern consists of, as of strptime(3), with English names:
//
//   %Y four digits   %m %d %e %H %I %M %S one or two digits   %y two digits: 69 to 99 are 1969 to 1999, others 20..
//   %b %B name of the month, short or long   %a %A name of the weekday, which is not compared   %p AM or PM
//   %f fraction of a second, one to nine digits   %z +0200, +02:00 or Z   %s seconds since 1970, of UTC
//   %F = %Y-%m-%d   %T = %H:%M:%S   %R = %H:%M   %% a percent sign
//
// Any other character stands for itself; a blank for any number of blanks.
class DatePattern {
 public:
  // invalid: says what is wrong with the pattern. It must name a day: %s, or year, month and day.
  static Result<DatePattern> parse(std::string_view pattern);

  // Writes the date as ISO 8601 (2024-01-31, 2024-01-31T12:30:05.25+02:00; times have seconds, and an offset only if
  // the text has one) and gives the end; at most kLongestIsoText bytes. Null: the text does not follow the pattern, or
  // there is no such day or time.
  char* write_iso(std::string_view text, char* out) const;

  const std::string& text() const { return text_; }

 private:
  struct Part {
    char directive;  // '\0': the character itself
    char character = '\0';
  };

  std::string text_;
  std::vector<Part> parts_;
  bool has_time_ = false;
};

inline constexpr std::size_t kLongestIsoText = 48;

}  // namespace slicemill
