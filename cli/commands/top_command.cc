// `slicemill top`: on a terminal a table that refreshes, elsewhere the table once.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>

#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/run_progress.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr const char* kLive = "pending,scheduling,initializing,recovering,running,failing,paused,stopping";
constexpr int kMostLive = 1'000;
constexpr int kEndedShown = 5;
constexpr const char* kClear = "\x1b[H\x1b[2J";

// Records at a time, for the rate between two looks.
struct Seen {
  std::int64_t records = 0;
  WallMs at = 0;
};

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
                       master_.list(fmt::format("/v1/ex?status={}&sort=_created:desc&size={}", kLive, kMostLive)));
      ASSIGN_OR_RETURN(const auto latest, master_.list(fmt::format("/v1/ex?sort=_updated:desc&size={}", kEndedShown)));
      std::ranges::copy_if(latest, std::back_inserter(executions), has_ended);
    }
    RETURN_IF_ERROR(add_live_figures(master_, executions));
    return executions;
  }

  void print(const std::vector<Json>& executions) {
    if (is_data_format(line_.client.output)) return print_documents(line_, executions, {});
    fmt::print("{}", render(table(executions), screen_of_output()));
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
               {"WORKERS", ColumnKind::number},
               {"AGE", ColumnKind::number}},
              {}};
    const WallMs now = wall_now();
    for (const Json& ex : executions) {
      const Json& stats = object_of(ex, "_slicer_stats");
      const auto count = [&](const char* member) {
        return has_number(stats, member) ? std::to_string(number_of(stats, member)) : std::string("-");
      };
      out.rows.push_back({text_of(ex, "ex_id"), text_of(ex, "name"), text_of(ex, "_status"), done_text(ex),
                          count("processed"), count("failed"), rate_text(ex, now), workers_text(ex),
                          age_text(time_of(ex, "_created"), now)});
    }
    return out;
  }

  // A percentage as soon as the slicer has cut everything.
  static std::string done_text(const Json& ex) {
    const Json& stats = object_of(ex, "_slicer_stats");
    if (text_of(ex, "_status") == "completed") return "100%";
    if (text_of(stats, "queuing_complete").empty()) return "-";
    const std::int64_t settled = number_of(stats, "processed") + number_of(stats, "failed");
    const std::int64_t all = settled + number_of(stats, "queued") + number_of(stats, "in_flight");
    return all <= 0 ? "-" : fmt::format("{}%", settled * 100 / all);
  }

  static std::string workers_text(const Json& ex) {
    if (has_ended(ex)) return "-";
    const Json& stats = object_of(ex, "_slicer_stats");
    const std::int64_t connected = number_of(stats, "workers_active") + number_of(stats, "workers_available");
    return fmt::format("{}/{}", connected, number_of(ex, "workers"));
  }

  // Since the last look; of the whole life if there was none, or if it has ended.
  std::string rate_text(const Json& ex, WallMs now) {
    const Json& stats = object_of(ex, "_slicer_stats");
    if (!has_number(stats, "records_in")) return "-";
    const std::string id = text_of(ex, "ex_id");
    const std::int64_t records = number_of(stats, "records_in");
    std::int64_t since = 0, before = 0;
    if (has_ended(ex)) {
      seen_.erase(id);
      since = now - number_of(stats, "job_duration") * 1'000;
      if (!has_number(stats, "job_duration")) return "-";
    } else if (const auto last = seen_.find(id); last != seen_.end()) {
      since = last->second.at;
      before = last->second.records;
    } else {
      since = time_of(stats, "started").value_or(now);
    }
    if (!has_ended(ex)) seen_[id] = {records, now};
    const double seconds = static_cast<double>(now - since) / 1e3;
    if (seconds <= 0 || records < before) return "-";
    return grouped(static_cast<std::uint64_t>(std::llround(static_cast<double>(records - before) / seconds)));
  }

  const CommandLine& line_;
  MasterClient master_;
  std::string ex_id_;
  std::map<std::string, Seen> seen_;
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
    fmt::print("{}slicemill top - {} - every {}, end with Ctrl-C\n\n", kClear, printable(url),
               duration_text(line.client.interval_ms));
    top.print(executions);
    std::fflush(stdout);
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
