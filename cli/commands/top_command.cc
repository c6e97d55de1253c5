// `slicemill top`: on a terminal a table that refreshes, elsewhere the table once.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>

#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/default_dialect.h"
#include "cli/run_progress.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr const char* kLive = "pending,scheduling,initializing,recovering,running,failing,paused,stopping";
constexpr int kMostLive = 1'000;
constexpr int kEndedShown = 5;
constexpr const char* kClear = "\x1b[H\x1b[2J";

struct TerminalSize {
  std::size_t width = 80, height = 24;
};

TerminalSize terminal_size() {
  winsize size{};
  TerminalSize known;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return known;
  if (size.ws_col > 0) known.width = size.ws_col;
  if (size.ws_row > 0) known.height = size.ws_row;
  return known;
}

class Top {
 public:
  Top(const CommandLine& line, MasterClient master, std::string ex_id)
      : line_(line), master_(std::move(master)), ex_id_(std::move(ex_id)) {}

  Result<std::vector<Json>> look() {
    std::vector<Json> executions;
    if (!ex_id_.empty()) {
      ASSIGN_OR_RETURN(Json document, master_.get("/v1/ex/" + url_encoded(ex_id_)));
      executions.push_back(std::move(document));
    } else {
      ASSIGN_OR_RETURN(executions,
                       master_.list(fmt::format("/v1/ex?status={}&{}&size={}", kLive, kNewestFirst, kMostLive)));
      ASSIGN_OR_RETURN(const auto latest,
                       master_.list(fmt::format("/v1/ex?{}&size={}", kLatestChangeFirst, kEndedShown)));
      std::ranges::copy_if(latest, std::back_inserter(executions), has_ended);
    }
    RETURN_IF_ERROR(add_live_figures(master_, executions));
    return executions;
  }

  void print(const std::vector<Json>& executions) {
    if (is_data_format(line_.client.output)) return print_documents(line_, executions, {});
    fmt::print("{}", render(table(executions), screen_of_output()));
  }

  // On a terminal: what has room there, the live ones first.
  void draw(const std::vector<Json>& executions, const std::string& url) {
    constexpr std::size_t kOtherLines = 5;  // title, blank, head, what is left out, and where the cursor stays
    const auto [width, height] = terminal_size();
    std::string title = fmt::format("slicemill top - {} - every {}, end with Ctrl-C", printable(url),
                                    duration_text(line_.client.interval_ms));
    if (title.size() > width) title.resize(width);
    const std::size_t room = height > kOtherLines ? height - kOtherLines : 1;
    const std::size_t shown = std::min(executions.size(), room);
    std::string text = fmt::format("{}{}\n\n", kClear, title);
    text += render(table({executions.begin(), executions.begin() + static_cast<std::ptrdiff_t>(shown)}),
                   screen_of_output());
    if (shown < executions.size()) text += fmt::format("{} more\n", executions.size() - shown);
    fmt::print("{}", text);
    std::fflush(stdout);
  }

 private:
  Table table(const std::vector<Json>& executions) {
    Table out{{{"EXECUTION", ColumnKind::id},
               {"NAME", ColumnKind::free},
               {"STATUS", ColumnKind::status},
               {"DONE", ColumnKind::number},
               {"SLICES", ColumnKind::number},
               {"FAILED", ColumnKind::number},
               {"RECORDS/S", ColumnKind::number},
               {"LEFT", ColumnKind::text},
               {"WORKERS", ColumnKind::number},
               {"AGE", ColumnKind::number}},
              {}};
    const WallMs now = wall_now();
    for (const Json& ex : executions) {
      const Json& stats = object_of(ex, member::kStats);
      const auto count = [&](const char* member) {
        return has_number(stats, member) ? std::to_string(number_of(stats, member)) : std::string("-");
      };
      out.rows.push_back({text_of(ex, "ex_id"), text_of(ex, "name"), text_of(ex, member::kStatus), done_text(ex),
                          count("processed"), count("failed"), rate_text(ex), left_text(ex), workers_text(ex),
                          age_text(time_of(ex, member::kCreated), now)});
    }
    return out;
  }

  static std::string done_text(const Json& ex) {
    const auto percent = percent_done(ex);
    return percent ? fmt::format("{:.0f}%", std::floor(*percent)) : "-";
  }

  static std::string left_text(const Json& ex) {
    const std::string left = remaining_text(progress_in(ex));
    return left.empty() ? "-" : left;
  }

  static std::string workers_text(const Json& ex) {
    if (has_ended(ex)) return "-";
    const Json& stats = object_of(ex, member::kStats);
    const std::int64_t connected = number_of(stats, "workers_active") + number_of(stats, member::kIdleWorkers);
    return fmt::format("{}/{}", connected, number_of(ex, "workers"));
  }

  // Over the last seconds; of an ended one over its whole life.
  static std::string rate_text(const Json& ex) {
    const Json& figures = has_ended(ex) ? object_of(ex, "summary") : object_of(ex, "progress");
    const char* member = has_ended(ex) ? "records_per_second" : "rate";
    if (!has_number(figures, member)) return "-";
    return grouped(static_cast<std::uint64_t>(std::llround(figures[member].get<double>())));
  }

  const CommandLine& line_;
  MasterClient master_;
  std::string ex_id_;
};

Result<void> show_top(const CommandLine& line) {
  ASSIGN_OR_RETURN(MasterClient master, MasterClient::of(line));
  std::string ex_id;
  if (!line.ex_id.empty()) {
    ASSIGN_OR_RETURN(ex_id, resolve_execution(master, line.ex_id));
  }
  const std::string url = master.url();
  Top top(line, std::move(master), ex_id);
  const bool refreshes = isatty(STDOUT_FILENO) != 0 && !is_data_format(line.client.output);
  ASSIGN_OR_RETURN(auto executions, top.look());
  if (!refreshes) {
    top.print(executions);
    return {};
  }
  while (true) {
    top.draw(executions, url);
    if (!ex_id.empty() && has_ended(executions.front())) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(std::max<std::int64_t>(line.client.interval_ms, 100)));
    auto next = top.look();
    if (next)
      executions = std::move(*next);
    else
      note(next.error().message);  // a master that is being replaced
  }
}

}  // namespace

ExitCode show_top_executions(const CommandLine& line) {
  return code_of(show_top(line));
}

}  // namespace slicemill::cli
