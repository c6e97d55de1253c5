// Small text services that several parts need.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill {

// The candidate nearest to `word` (edit distance at most a third of its length, at least 1); nothing if none is near.
std::optional<std::string> nearest_word(std::string_view word, std::span<const std::string> candidates);

// "10MB" (10^6), "10MiB" (2^20), "10kb", "512", case-insensitive.
Result<std::uint64_t> parse_byte_size(std::string_view text);

// The longest wait or time limit that counts: 100 years. In nanoseconds it still leaves room to be added to a clock.
inline constexpr std::int64_t kLongestDurationMs = 100LL * 365 * 24 * 3600 * 1000;

// Milliseconds: "1500", "5 minutes", "30s", "100ms", "2h", "1 day".
Result<std::int64_t> parse_duration_ms(std::string_view text);

Result<std::int64_t> parse_integer(std::string_view text);

struct PortRange {
  int first = 0;
  int last = 0;  // included
};

// "25679:26678": TCP ports from 1 to 65535, the first one not above the last.
Result<PortRange> parse_port_range(std::string_view text);

// The words between commas and blanks.
std::vector<std::string> words_of(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);

// Up to its first line end.
std::string_view first_line(std::string_view text);

}  // namespace slicemill
