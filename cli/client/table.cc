#include "cli/client/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "cli/default_dialect.h"
#include "core/model/execution.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

using dialect::display_width;
using dialect::fitted;

constexpr std::size_t kGap = 2;
constexpr std::size_t kShortId = 8;
constexpr std::size_t kLeastFree = 12;  // of a column that is cut
constexpr std::string_view kEnding = "…";
constexpr std::size_t kDefaultWidth = 80;

std::vector<std::size_t> widths_of(const Table& table) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    std::size_t widest = display_width(table.columns[c].title);
    for (const auto& row : table.rows) widest = std::max(widest, display_width(row[c]));
    widths.push_back(widest);
  }
  return widths;
}

std::size_t total(const std::vector<std::size_t>& widths) {
  std::size_t sum = 0;
  for (const std::size_t width : widths) sum += width + kGap;
  return sum == 0 ? 0 : sum - kGap;
}

void cut_free_text(Table& table, std::size_t width) {
  for (std::size_t c = table.columns.size(); c-- > 0;) {
    if (table.columns[c].kind != ColumnKind::free) continue;
    const auto widths = widths_of(table);
    const std::size_t all = total(widths);
    if (all <= width) return;
    const std::size_t excess = all - width;
    const std::size_t least = std::max(kLeastFree, display_width(table.columns[c].title));
    const std::size_t room = widths[c] > excess + least ? widths[c] - excess : least;
    for (auto& row : table.rows) row[c] = fitted(row[c], room, kEnding);
  }
}

// Columns that say which execution it is, how it is, and why stay to the last.
bool drop_one_column(Table& table) {
  for (std::size_t c = table.columns.size(); c-- > 0;) {
    const ColumnKind kind = table.columns[c].kind;
    if (kind != ColumnKind::number && kind != ColumnKind::text) continue;
    const auto at = static_cast<std::ptrdiff_t>(c);
    table.columns.erase(table.columns.begin() + at);
    for (auto& row : table.rows) row.erase(row.begin() + at);
    return true;
  }
  return false;
}

// Shortens ids, then free text, then leaves columns out, until the table fits or nothing more can be done.
void fit(Table& table, const Screen& screen) {
  if (total(widths_of(table)) <= screen.width) return;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (table.columns[c].kind != ColumnKind::id) continue;
    for (auto& row : table.rows) row[c].resize(std::min(row[c].size(), kShortId));
  }
  cut_free_text(table, screen.width);
  while (screen.drops && total(widths_of(table)) > screen.width && drop_one_column(table)) continue;
}

std::string_view colour_of(std::string_view word) {
  const auto status = parse_execution_status(word);
  if (!status) return "";
  switch (*status) {
    case ExecutionStatus::completed:
    case ExecutionStatus::running:
      return "\x1b[32m";
    case ExecutionStatus::failing:
    case ExecutionStatus::failed:
    case ExecutionStatus::rejected:
    case ExecutionStatus::terminated:
      return "\x1b[31m";
    default:
      return "\x1b[33m";
  }
}

}  // namespace

Screen screen_of_output() {
  Screen screen;
  if (isatty(STDOUT_FILENO) == 0) return screen;
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  screen.width = known ? size.ws_col : kDefaultWidth;
  const char* plain = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  screen.colour = (plain == nullptr || *plain == '\0') && terminal != nullptr && std::string_view(terminal) != "dumb";
  return screen;
}

std::string coloured_status(std::string_view status, const Screen& screen) {
  const std::string_view colour = screen.colour ? colour_of(status) : "";
  if (colour.empty()) return std::string(status);
  return std::string(colour) + std::string(status) + "\x1b[0m";
}

std::string render(const Table& given, const Screen& screen) {
  Table table = given;
  for (auto& row : table.rows) {
    for (auto& cell : row) cell = printable(cell);
  }
  if (screen.width > 0) fit(table, screen);
  const auto widths = widths_of(table);
  std::string out;
  const auto add_line = [&](const auto& text_of, bool is_row) {
    std::string line;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const std::string& text = text_of(c);
      const std::string blanks(widths[c] - display_width(text), ' ');
      const bool right = table.columns[c].kind == ColumnKind::number;
      const bool is_status = is_row && table.columns[c].kind == ColumnKind::status;
      if (c > 0) line += std::string(kGap, ' ');
      line += (right ? blanks : "") + (is_status ? coloured_status(text, screen) : text) + (right ? "" : blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  add_line([&](std::size_t c) -> const std::string& { return table.columns[c].title; }, false);
  for (const auto& row : table.rows) add_line([&](std::size_t c) -> const std::string& { return row[c]; }, true);
  return out;
}

}  // namespace slicemill::cli
