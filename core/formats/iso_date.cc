#include "core/formats/iso_date.h"

#include "core/runtime/iso_time.h"

namespace slicemill {

std::optional<IsoInstant> IsoInstant::parse(std::string_view text) {
  using Precision = IsoTime::Precision;
  const auto time = IsoTime::parse(text);
  if (!time || time->precision < Precision::day || time->precision == Precision::hour) return std::nullopt;
  // Eight digits alone are a number to most who write them.
  if (time->is_basic && time->precision == Precision::day) return std::nullopt;
  IsoInstant instant;
  instant.second_ = time->second();
  instant.fraction_ = time->fraction.substr(0, time->fraction.find_last_not_of('0') + 1);
  return instant;
}

int IsoInstant::compare(const IsoInstant& other) const {
  if (second_ != other.second_) return second_ < other.second_ ? -1 : 1;
  const int order = fraction_.compare(other.fraction_);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

}  // namespace slicemill
