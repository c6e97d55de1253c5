// Numbers as the decimal text that JSON has for them, of any length: compared and cut exactly, where a double rounds.
// Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slicemill {

class Decimal {
 public:
  // A view of the text. Requires the grammar of JSON numbers. Nothing: an exponent of more than 17 digits, of a number
  // that is not 0.
  static std::optional<Decimal> of(std::string_view number);

  // -1, 0, 1: by value, so 1.0 equals 1, and -0 equals 0.
  int compare(const Decimal& other) const;

  // How many bytes write_integer() takes.
  std::uint64_t integer_size() const;
  // Writes the number without its fraction; returns the end.
  char* write_integer(char* out) const;

 private:
  bool is_zero() const { return digits_.empty(); }
  int compare_sizes(const Decimal& other) const;

  bool is_negative_ = false;
  std::string_view digits_;  // from the first one that is not 0, a point among them; empty: the number is 0
  std::int64_t scale_ = 0;   // how many of the digits stand before the point: 0.0012 has -2
};

// Whether a double keeps the number, so that its shortest text has the same value. Requires the grammar of JSON
// numbers.
bool is_kept_by_double(std::string_view number);

}  // namespace slicemill
