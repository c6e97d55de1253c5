#include "core/runtime/decimal.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace slicemill {
namespace {

constexpr std::size_t kMostExponentDigits = 17;

// The digits one by one, then zeros for ever.
class DigitReader {
 public:
  explicit DigitReader(std::string_view digits) : rest_(digits) {}

  bool at_end() const { return rest_.empty() || rest_ == "."; }
  char next() {
    if (rest_.starts_with('.')) rest_.remove_prefix(1);
    if (rest_.empty()) return '0';
    const char digit = rest_.front();
    rest_.remove_prefix(1);
    return digit;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::optional<Decimal> Decimal::of(std::string_view number) {
  Decimal decimal;
  if (number.starts_with('-')) {
    decimal.is_negative_ = true;
    number.remove_prefix(1);
  }
  const std::size_t mantissa_size = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, mantissa_size);
  const std::size_t first = mantissa.find_first_not_of("0.");
  if (first == std::string_view::npos) return decimal;
  decimal.digits_ = mantissa.substr(first);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  decimal.scale_ = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  if (first > point) ++decimal.scale_;  // the point itself is no digit
  if (mantissa_size == number.size()) return decimal;
  std::string_view exponent = number.substr(mantissa_size + 1);
  const bool is_small = exponent.starts_with('-');
  if (is_small || exponent.starts_with('+')) exponent.remove_prefix(1);
  exponent.remove_prefix(std::min(exponent.find_first_not_of('0'), exponent.size()));
  if (exponent.size() > kMostExponentDigits) return std::nullopt;
  std::int64_t power = 0;
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), power);
  decimal.scale_ += is_small ? -power : power;
  return decimal;
}

int Decimal::compare_sizes(const Decimal& other) const {
  if (scale_ != other.scale_) return scale_ < other.scale_ ? -1 : 1;
  DigitReader mine(digits_), others(other.digits_);
  while (!mine.at_end() || !others.at_end()) {
    const char a = mine.next(), b = others.next();
    if (a != b) return a < b ? -1 : 1;
  }
  return 0;
}

int Decimal::compare(const Decimal& other) const {
  if (is_zero() && other.is_zero()) return 0;
  if (is_zero()) return other.is_negative_ ? 1 : -1;
  if (other.is_zero()) return is_negative_ ? -1 : 1;
  if (is_negative_ != other.is_negative_) return is_negative_ ? -1 : 1;
  return is_negative_ ? other.compare_sizes(*this) : compare_sizes(other);
}

std::uint64_t Decimal::integer_size() const {
  if (is_zero() || scale_ <= 0) return 1;
  return static_cast<std::uint64_t>(scale_) + (is_negative_ ? 1 : 0);
}

char* Decimal::write_integer(char* out) const {
  if (is_zero() || scale_ <= 0) {
    *out++ = '0';
    return out;
  }
  if (is_negative_) *out++ = '-';
  DigitReader digits(digits_);
  for (std::int64_t i = 0; i < scale_; ++i) *out++ = digits.next();
  return out;
}

bool is_kept_by_double(std::string_view number) {
  constexpr std::size_t kAlwaysKept = 15;  // as many digits
  if (number.size() <= kAlwaysKept && number.find_first_of("eE") == std::string_view::npos) return true;
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(value)) return false;
  char text[64];
  const auto written = std::to_chars(text, text + sizeof text, value);
  const auto given = Decimal::of(number), kept = Decimal::of({text, static_cast<std::size_t>(written.ptr - text)});
  return given && kept && given->compare(*kept) == 0;
}

}  // namespace slicemill
