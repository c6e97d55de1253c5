#include "core/runtime/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/core.h>

#include "core/runtime/ascii.h"

namespace slicemill {
namespace {

// Insertions, deletions, replacements and swaps of neighbours: "prot" is one slip away from "port".
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, above);
    std::swap(above, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

struct Unit {
  std::string_view name;
  double factor;
};

// "<number> <unit>", unit from the table; the empty name is the default unit.
Result<std::int64_t> parse_quantity(std::string_view text, std::span<const Unit> units, std::string_view what) {
  const std::string_view whole = trimmed(text);
  double number = 0;
  const auto [end, error] =
      std::from_chars(whole.data(), whole.data() + whole.size(), number, std::chars_format::fixed);
  const std::string unit = lower(trimmed(whole.substr(static_cast<std::size_t>(end - whole.data()))));
  const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == unit; });
  if (error != std::errc() || number < 0 || found == units.end())
    return Error(ErrorCode::invalid, fmt::format("\"{}\" is not a {}", text, what));
  const double value = number * found->factor;
  if (value > 9.0e18) return Error(ErrorCode::invalid, fmt::format("\"{}\" is too large for a {}", text, what));
  return static_cast<std::int64_t>(value);
}

constexpr double kKilo = 1e3, kMega = 1e6, kGiga = 1e9, kTera = 1e12;
constexpr std::array kByteUnits = {Unit{"", 1},
                                   Unit{"b", 1},
                                   Unit{"k", kKilo},
                                   Unit{"kb", kKilo},
                                   Unit{"m", kMega},
                                   Unit{"mb", kMega},
                                   Unit{"g", kGiga},
                                   Unit{"gb", kGiga},
                                   Unit{"tb", kTera},
                                   Unit{"kib", 1024.0},
                                   Unit{"mib", 1048576.0},
                                   Unit{"gib", 1073741824.0},
                                   Unit{"tib", 1099511627776.0}};

constexpr double kSecond = 1e3, kMinute = 6e4, kHour = 3.6e6, kDay = 8.64e7, kWeek = 7 * kDay;
constexpr std::array kDurationUnits = {
    Unit{"", 1},          Unit{"ms", 1},         Unit{"millisecond", 1},  Unit{"milliseconds", 1},  Unit{"s", kSecond},
    Unit{"sec", kSecond}, Unit{"secs", kSecond}, Unit{"second", kSecond}, Unit{"seconds", kSecond}, Unit{"m", kMinute},
    Unit{"min", kMinute}, Unit{"mins", kMinute}, Unit{"minute", kMinute}, Unit{"minutes", kMinute}, Unit{"h", kHour},
    Unit{"hr", kHour},    Unit{"hour", kHour},   Unit{"hours", kHour},    Unit{"d", kDay},          Unit{"day", kDay},
    Unit{"days", kDay},   Unit{"w", kWeek},      Unit{"week", kWeek},     Unit{"weeks", kWeek}};

}  // namespace

std::optional<std::string> nearest_word(std::string_view word, std::span<const std::string> candidates) {
  const std::size_t limit = std::max<std::size_t>(1, word.size() / 3);
  std::optional<std::string> best;
  std::size_t best_distance = limit + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(lower(word), lower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

Result<std::uint64_t> parse_byte_size(std::string_view text) {
  ASSIGN_OR_RETURN(const std::int64_t value,
                   parse_quantity(text, kByteUnits, "size such as 512, \"10MB\" or \"8MiB\""));
  return static_cast<std::uint64_t>(value);
}

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  return parse_quantity(text, kDurationUnits, "duration such as 1500 (milliseconds), \"30s\" or \"5 minutes\"");
}

Result<PortRange> parse_port_range(std::string_view text) {
  constexpr std::int64_t kHighestPort = 65'535;
  const auto parts = split(text, ':');
  const auto first = parse_integer(parts.front());
  const auto last = parse_integer(parts.back());
  if (parts.size() != 2 || !first || !last || *first < 1 || *first > *last || *last > kHighestPort)
    return Error(ErrorCode::invalid, fmt::format("'{}' is not two TCP ports such as '25679:26678'", text));
  return PortRange{static_cast<int>(*first), static_cast<int>(*last)};
}

Result<std::int64_t> parse_integer(std::string_view text) {
  const std::string_view whole = trimmed(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), value);
  if (error != std::errc() || end != whole.data() + whole.size() || whole.empty())
    return Error(ErrorCode::invalid, fmt::format("\"{}\" is not an integer", text));
  return value;
}

std::vector<std::string> words_of(std::string_view text) {
  constexpr std::string_view kBetween = ", \t\n";
  std::vector<std::string> words;
  for (;;) {
    const auto begin = text.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const auto size = std::min(text.find_first_of(kBetween), text.size());
    words.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = text.find(separator, start);
    parts.emplace_back(text.substr(start, end == std::string_view::npos ? end : end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result += separator;
    result += parts[i];
  }
  return result;
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace slicemill
