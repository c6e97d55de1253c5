#include "cli/run_progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "cli/client/documents.h"
#include "cli/default_dialect.h"
#include "cli/exit_codes.h"
#include "core/model/execution.h"
#include "core/model/stats_json.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::size_t kWidestBar = 40;
constexpr std::size_t kNarrowestBar = 8;
constexpr std::size_t kUsualWidth = 80;
constexpr double kWholePercent = 100;
constexpr const char* kClearLine = "\r\x1b[K";

std::string records_rate_text(const Progress& progress) {
  const auto& rate = progress.records_per_second;
  return rate ? grouped(static_cast<std::uint64_t>(std::llround(*rate))) + " records/s" : std::string();
}

std::string bytes_rate_text(const Progress& progress) {
  const auto& rate = progress.bytes_per_second;
  if (!rate || (!progress.are_bytes_of_input && *rate == 0)) return {};
  return bytes_text(*rate) + "/s" + (progress.are_bytes_of_input ? "" : " out");
}

std::string slowest_text(const Progress& progress) {
  const auto& slowest = progress.slowest;
  return slowest ? fmt::format("slowest {} {:.0f}%", printable(slowest->op), slowest->share * kWholePercent)
                 : std::string();
}

std::string connected_text(const Progress& progress) {
  if (progress.workers == 0 && progress.workers_wanted == 0) return {};
  return fmt::format("{}/{} workers", progress.workers, progress.workers_wanted);
}

// How much, where it is not known of how much.
std::string amount_done_text(const Stats& stats) {
  const Progress& progress = stats.progress;
  if (progress.unit == "bytes" && progress.done > 0) return bytes_text(static_cast<double>(progress.done)) + " done";
  if (progress.unit == "records" && progress.done > 0) return counted(progress.done, "record") + " done";
  return counted(stats.slices.processed, "slice") + " done";
}

// A part of the line. Those of the highest rank are left out first.
struct Part {
  std::string text;
  int rank = 0;
  bool is_bad = false;
};

std::vector<Part> parts_of(std::string_view status, const Stats& stats) {
  const Progress& progress = stats.progress;
  const auto& percent = progress.percent;
  std::vector<Part> parts;
  const auto add = [&](std::string text, int rank, bool is_bad = false) {
    if (!text.empty()) parts.push_back({std::move(text), rank, is_bad});
  };
  add(percent ? fmt::format("{:.1f}%", *percent) : amount_done_text(stats), 0);
  if (status != "running") add(std::string(status), 1);
  if (progress.failures > 0) add(grouped(progress.failures) + " failed", 2, true);
  const std::string left = remaining_text(progress);
  add(left.empty() ? "" : "ETA " + left, 3);
  add(records_rate_text(progress), 4);
  add(bytes_rate_text(progress), 5);
  add(slowest_text(progress), 7);
  add(connected_text(progress), 6);
  return parts;
}

std::size_t parts_width(const std::vector<Part>& parts) {
  std::size_t width = 0;
  for (const Part& part : parts) width += part.text.size() + 2;
  return width;
}

std::string drawn_bar(double percent, std::size_t width, bool colour) {
  const std::size_t cells = width - 2;
  const auto full = static_cast<std::size_t>(percent / kWholePercent * static_cast<double>(cells));
  const std::string done(std::min(full, cells), '=');
  const std::string rest(cells - done.size(), ' ');
  return colour ? fmt::format("[\x1b[32m{}\x1b[0m{}]", done, rest) : fmt::format("[{}{}]", done, rest);
}

std::size_t progress_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
  return size.ws_col;
}

std::string environment_text(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3) {
    text.insert(static_cast<std::size_t>(place), ",");
  }
  return text;
}

std::string counted(std::uint64_t number, std::string_view one) {
  return fmt::format("{} {}{}", grouped(number), one, number == 1 ? "" : "s");
}

std::string seconds_text(double seconds) {
  constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  constexpr std::int64_t kExactUpTo = 2 * kMinute, kFives = 5, kTensUpTo = 10 * kMinute;
  auto whole = static_cast<std::int64_t>(std::llround(std::max(seconds, 0.0)));
  if (whole >= kTensUpTo) {
    whole = (whole + kMinute / 2) / kMinute * kMinute;
  } else if (whole >= kExactUpTo) {
    whole = (whole + kFives / 2) / kFives * kFives;
  }
  if (whole < kMinute) return fmt::format("{}s", whole);
  if (whole < kTensUpTo) return fmt::format("{}m{:02}s", whole / kMinute, whole % kMinute);
  if (whole < kHour) return fmt::format("{}m", whole / kMinute);
  if (whole < kDay) return fmt::format("{}h{:02}m", whole / kHour, whole % kHour / kMinute);
  return fmt::format("{}d{}h", whole / kDay, whole % kDay / kHour);
}

std::string remaining_text(const Progress& progress) {
  if (!progress.remaining) return {};
  const std::string text = seconds_text(progress.remaining->expected);
  const std::string low = seconds_text(progress.remaining->low);
  const std::string high = seconds_text(progress.remaining->high);
  return low == high ? text : fmt::format("{} ({} to {})", text, low, high);
}

std::string progress_bar(std::string_view status, const Stats& stats, std::size_t width, bool colour) {
  auto parts = parts_of(status, stats);
  const auto& percent = stats.progress.percent;
  // Two blanks are between parts, and between the bar and the first one.
  const std::size_t least = percent ? kNarrowestBar : 0;
  const std::size_t room_for_all = percent ? width : width + 2;
  while (parts.size() > 1 && parts_width(parts) + least > room_for_all)
    parts.erase(std::ranges::max_element(parts, {}, &Part::rank));
  std::string line;
  const std::size_t used = parts_width(parts);
  if (percent && used + kNarrowestBar <= width) line = drawn_bar(*percent, std::min(kWidestBar, width - used), colour);
  for (const Part& part : parts) {
    if (!line.empty()) line += "  ";
    const std::size_t room = line.empty() ? width : part.text.size();  // at least one part is left, whatever the width
    const std::string text = part.text.substr(0, room);
    line += colour && part.is_bad ? fmt::format("\x1b[31m{}\x1b[0m", text) : text;
  }
  return line;
}

// What there is of rates, the time that is left, the slowest step and workers; nothing of one that has ended.
static std::string rates_text(const Progress& progress) {
  std::string line;
  const auto add = [&](const std::string& text) {
    if (!text.empty()) line += (line.empty() ? "" : ", ") + text;
  };
  add(records_rate_text(progress));
  add(bytes_rate_text(progress));
  if (const std::string left = remaining_text(progress); !left.empty()) add("ETA " + left);
  add(slowest_text(progress));
  add(connected_text(progress));
  return line;
}

std::string progress_line(std::string_view status, const Stats& stats) {
  const Progress& progress = stats.progress;
  std::string line(status);
  const auto add = [&](const std::string& text) {
    if (!text.empty()) line += ", " + text;
  };
  if (progress.percent) add(fmt::format("{:.1f} %", *progress.percent));
  add(counted(stats.slices.processed, "slice") + " done");
  add(fmt::format("{} failed", grouped(stats.slices.failed)));
  add(counted(stats.slices.records_in, "record") + " in");
  add(rates_text(progress));
  return line;
}

Progress progress_in(const Json& execution) {
  return progress_from_json(object_of(execution, "progress"));
}

Stats figures_in(const Json& execution) {
  const Json& counters = object_of(execution, member::kStats);
  Stats stats;
  for (const SliceCounterField& field : kSliceCounters)
    stats.slices.*field.value = static_cast<std::uint64_t>(number_of(counters, field.name));
  const Json& newer = object_of(counters, "progress");
  stats.progress = newer.empty() ? progress_in(execution) : progress_from_json(newer);
  return stats;
}

std::string progress_of_document(const Json& execution) {
  const auto percent = percent_done(execution);
  std::string text = percent ? fmt::format("{:.1f} %", *percent) : std::string();
  const std::string rates = rates_text(progress_in(execution));
  return text + (text.empty() || rates.empty() ? "" : ", ") + rates;
}

std::optional<double> percent_done(const Json& execution) {
  const auto percent = progress_in(execution).percent;
  const std::string status = text_of(execution, member::kStatus);
  const auto known = parse_execution_status(status);
  if (!percent || !known || !is_terminal(*known) || *known == ExecutionStatus::completed) return percent;
  const Json& stats = object_of(execution, member::kStats);
  const double processed = static_cast<double>(number_of(stats, "processed"));
  const double failed = static_cast<double>(number_of(stats, "failed"));
  return processed > 0 ? *percent * (processed - failed) / processed : *percent;
}

ProgressForm progress_form(ProgressForm asked, bool records_shown) {
  if (asked == ProgressForm::lines || asked == ProgressForm::none) return asked;
  const bool can_draw = isatty(STDERR_FILENO) != 0 && environment_text("TERM") != "dumb";
  const bool are_mixed = records_shown && isatty(STDOUT_FILENO) != 0;
  return can_draw && !are_mixed ? ProgressForm::bar : ProgressForm::lines;
}

RunProgress::RunProgress(ProgressForm form)
    : form_(form), colour_(environment_text("NO_COLOR").empty()), shown_(std::chrono::steady_clock::now()) {}

void RunProgress::show(std::string_view status, const Stats& stats, std::chrono::steady_clock::time_point now) {
  const auto known = parse_execution_status(status);
  if (known && is_terminal(*known)) return;
  if (form_ == ProgressForm::bar) {
    if (has_shown_ && now - shown_ < kDrawEvery) return;
    draw(status, stats);
  } else if (form_ == ProgressForm::lines) {
    const double percent = stats.progress.percent.value_or(shown_percent_);
    const bool has_grown = std::floor(percent / kLinePercent) > std::floor(shown_percent_ / kLinePercent);
    if (now - shown_ < kLineEvery && !has_grown) return;
    shown_percent_ = percent;
    say(stderr, fmt::format("progress: {}\n", progress_line(status, stats)));
  }
  has_shown_ = true;
  shown_ = now;
}

// The terminal may have another width each time. It must not go on in a next line by itself: that one would stay.
void RunProgress::draw(std::string_view status, const Stats& stats) {
  const std::string bar = progress_bar(status, stats, std::max<std::size_t>(progress_width(), 2) - 1, colour_);
  say(stderr, fmt::format("{}\x1b[?7l{}\x1b[?7h", kClearLine, bar));
  is_drawn_ = true;
}

void RunProgress::end() {
  if (!std::exchange(is_drawn_, false)) return;
  has_shown_ = false;  // what comes next need not wait
  say(stderr, kClearLine);
}

}  // namespace slicemill::cli
