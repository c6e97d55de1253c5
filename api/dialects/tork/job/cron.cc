#include "api/dialects/tork/job/cron.h"

#include <fmt/core.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/expression/printed_numbers.h"
#include "core/runtime/ascii.h"

namespace slicemill::api::tork {
namespace {

constexpr std::array<std::string_view, 12> kMonthNames = {"jan", "feb", "mar", "apr", "may", "jun",
                                                          "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kDayNames = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::array<std::string_view, 7> kNamedSchedules = {"@yearly", "@annually", "@monthly", "@weekly",
                                                             "@daily",  "@midnight", "@hourly"};
constexpr std::array<int, 12> kDaysOfMonths = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
constexpr std::int64_t kShortestPeriodNs = 1'000'000'000;

struct CronField {
  std::string_view name;
  int least;
  int most;
  std::span<const std::string_view> names{};  // the first one stands for `least`
};
const std::array kFields = {
    CronField{"minute", 0, 59},
    CronField{"hour", 0, 23},
    CronField{"day", 1, 31},
    CronField{"month", 1, 12, kMonthNames},
    CronField{"weekday", 0, 6, kDayNames},
};

Error bad_cron(std::string message) {
  return {ErrorCode::invalid, std::move(message), false};
}

std::optional<int> cron_number(std::string_view text) {
  int value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text[0] == '-' || read.ec != std::errc() || read.ptr != text.data() + text.size()) return {};
  return value;
}

Result<int> cron_value(std::string_view text, const CronField& field) {
  for (std::size_t i = 0; i < field.names.size(); ++i)
    if (is_same_word(text, field.names[i])) return static_cast<int>(i) + field.least;
  const auto value = cron_number(text);
  if (!value || *value < field.least || *value > field.most)
    return bad_cron(fmt::format("the {} {} is not in {}-{}", field.name, text, field.least, field.most));
  return *value;
}

// The values of one part, as bits.
Result<std::uint64_t> cron_part(std::string_view text, const CronField& field) {
  int step = 1;
  const auto slash = text.find('/');
  if (slash != text.npos) {
    const auto given = cron_number(text.substr(slash + 1));
    if (!given || *given == 0 || *given > field.most)
      return bad_cron(fmt::format("a step of the {} is wrong", field.name));
    step = *given;
  }
  const auto range = text.substr(0, slash);
  int from = field.least;
  int to = field.most;
  if (range != "*" && range != "?") {
    const auto dash = range.find('-');
    ASSIGN_OR_RETURN(from, cron_value(range.substr(0, dash), field));
    if (dash != range.npos) {
      ASSIGN_OR_RETURN(to, cron_value(range.substr(dash + 1), field));
    } else if (slash == text.npos) {
      to = from;
    }
  }
  if (from > to) return bad_cron(fmt::format("a range of the {} ends before its begin", field.name));
  std::uint64_t bits = 0;
  for (int value = from; value <= to; value += step) bits |= std::uint64_t{1} << value;
  return bits;
}

Result<std::uint64_t> cron_field(std::string_view text, const CronField& field) {
  std::uint64_t bits = 0;
  for (;;) {
    const auto comma = text.find(',');
    ASSIGN_OR_RETURN(const auto part, cron_part(text.substr(0, comma), field));
    bits |= part;
    if (comma == text.npos) return bits;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> blank_separated(std::string_view text) {
  std::vector<std::string_view> words;
  while (!(text = trimmed(text)).empty()) {
    const auto end = std::min(text.find_first_of(" \t\r\n"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

bool has_a_day(std::uint64_t days, std::uint64_t months) {
  const int first = std::countr_zero(days);
  for (std::size_t i = 0; i < kDaysOfMonths.size(); ++i)
    if ((months >> (i + 1) & 1) != 0 && first <= kDaysOfMonths[i]) return true;
  return false;
}

}  // namespace

Result<void> check_cron(std::string_view text) {
  const auto words = blank_separated(text);
  if (!words.empty() && words[0] == "@every" && words.size() == 2) {
    const auto period = expression::parse_duration(words[1]);
    if (!period || period->ns < kShortestPeriodNs) return bad_cron("@every needs a duration of a second or more");
    return {};
  }
  if (words.size() == 1)
    for (const auto name : kNamedSchedules)
      if (words[0] == name) return {};
  if (words.size() != kFields.size())
    return bad_cron(
        fmt::format("a schedule has 5 fields: minute hour day month weekday, and this has {}", words.size()));
  std::array<std::uint64_t, kFields.size()> bits{};
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    ASSIGN_OR_RETURN(bits[i], cron_field(words[i], kFields[i]));
  }
  // A weekday that is given counts beside the day, so there is always one.
  const bool any_weekday = words[4][0] == '*' || words[4][0] == '?';
  if (any_weekday && !has_a_day(bits[2], bits[3])) return bad_cron("no month of the schedule has that day");
  return {};
}

}  // namespace slicemill::api::tork
