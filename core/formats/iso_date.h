// ISO 8601 dates and times as moments, so that two of them compare whatever offsets and fractions they are written
// with. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slicemill {

class IsoInstant {
 public:
  // 2024-01-31, 2024-01-31T12:30, 2024-01-31T12:30:05.25Z, 20240131T123005+0200: extended or basic form, a blank or a
  // `t` in the place of `T`, seconds and their fraction of any length may be missing. A date alone is its midnight;
  // without an offset it is in UTC. Nothing: it is no such text, or no such day or time.
  static std::optional<IsoInstant> parse(std::string_view text);

  // Since 1970, without the fraction.
  std::int64_t second() const { return second_; }

  // -1, 0, 1: earlier, the same moment, later.
  int compare(const IsoInstant& other) const;

 private:
  std::int64_t second_ = 0;  // since 1970
  std::string fraction_;     // digits, without zeros at the end
};

}  // namespace slicemill
