// `slicemill show`.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/client/plain_words.h"
#include "cli/client/stored_executions.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/default_dialect.h"
#include "cli/run_progress.h"
#include "core/runtime/json.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

void print_line(std::string_view name, const std::string& value, const Screen& screen = {}) {
  if (value.empty()) return;
  const std::string shown = printable(value);
  fmt::print("{:<14}{}\n", std::string(name) + ":", name == "status" ? coloured_status(shown, screen) : shown);
}

std::string date_with_age(const Json& document, const char* member) {
  const std::string date = text_of(document, member);
  return date.empty() ? date : fmt::format("{} ({} ago)", date, age_text(time_of(document, member), wall_now()));
}

// "58.2 %, ETA 1m40s (1m30s to 1m55s), 84,120 records/s, 12 MB/s, slowest script 71%, 4/4 workers"; of one that has
// ended only how much is done.
std::string progress_text(const Json& ex) {
  if (object_of(ex, "progress").empty()) return {};
  if (!has_ended(ex)) return progress_of_document(ex);
  const auto percent = percent_done(ex);
  return percent ? fmt::format("{:.1f} %", *percent) : std::string();
}

void print_figures(const Json& stats) {
  for (const auto& [title, member] :
       {std::pair("slices", "processed"), std::pair("failed", "failed"), std::pair("in flight", "in_flight"),
        std::pair("queued", "queued"), std::pair("records in", "records_in"), std::pair("records out", "records_out"),
        std::pair("bytes out", "bytes_out"), std::pair("quarantined", "quarantined"),
        std::pair("retries", "retries")}) {
    if (has_number(stats, member)) print_line(title, std::to_string(number_of(stats, member)));
  }
}

std::string operation_names(const Json& execution) {
  std::string names;
  const auto operations = execution.find("operations");
  if (operations == execution.end() || !operations->is_array()) return names;
  for (const Json& operation : *operations)
    names += (names.empty() ? "" : " > ") + text_of(operation, member::kOperation);
  return names;
}

// The values that parameters had: "DAY=2026-11-30, LEAST=400".
std::string params_text(const Json& execution) {
  std::string text;
  for (const auto& [name, value] : object_of(execution, "params").items())
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name,
                        value.is_string() ? value.get<std::string>() : to_compact_text(value));
  return text;
}

void print_history(const std::vector<Json>& history) {
  if (history.empty()) return;
  fmt::print("history:\n");
  for (const Json& change : history) {
    const std::string reason = plain_cause(text_of(change, "reason"));
    fmt::print("  {}  {}{}\n", printable(text_of(change, "time")), printable(text_of(change, "to")),
               reason.empty() ? "" : ": " + printable(reason));
  }
}

void print_execution(const Json& ex, bool wide) {
  const Screen screen = screen_of_output();
  print_line("execution", text_of(ex, "ex_id"));
  print_line("job", text_of(ex, "job_id"));
  print_line("name", text_of(ex, "name"));
  print_line("status", text_of(ex, member::kStatus), screen);
  print_line("reason", plain_cause(text_of(ex, member::kStatusReason)));
  print_line("failure", plain_cause(text_of(ex, member::kFailure)));
  print_line("lifecycle", text_of(ex, "lifecycle"));
  print_line("operations", operation_names(ex));
  print_line("params", params_text(ex));
  print_line("workers", has_number(ex, "workers") ? std::to_string(number_of(ex, "workers")) : "");
  print_line("progress", progress_text(ex));
  print_figures(object_of(ex, member::kStats));
  print_line("recovers", text_of(ex, "recovered_execution"));
  print_line("created", date_with_age(ex, member::kCreated));
  print_line("updated", date_with_age(ex, member::kUpdated));
  print_line("log", text_of(ex, "log_path"));
  if (wide) print_line("ledger", text_of(ex, "ledger_directory"));
  if (wide) print_line("disk", disk_text(ex));
}

Result<void> show_of_master(const CommandLine& line) {
  ASSIGN_OR_RETURN(const NamedExecution execution, named_execution(line));
  ASSIGN_OR_RETURN(Json document, execution.master.get(execution.path()));
  if (is_data_format(line.client.output)) {
    print_document(line.client.output, document);
    return {};
  }
  std::vector<Json> shown = {std::move(document)};
  RETURN_IF_ERROR(add_live_figures(execution.master, shown));
  print_execution(shown.front(), line.client.output == OutputFormat::wide);
  if (const auto history = execution.master.list(execution.path("/history"))) print_history(*history);
  return {};
}

Result<void> show_stored(const CommandLine& line) {
  ASSIGN_OR_RETURN(const StoredName stored, stored_name(line));
  const Json document = stored_execution(stored.layout, stored.ex_id);
  if (is_data_format(line.client.output))
    print_document(line.client.output, document);
  else
    print_execution(document, line.client.output == OutputFormat::wide);
  return {};
}

}  // namespace

ExitCode show_execution(const CommandLine& line) {
  return code_of(asks_data_directory(line) ? show_stored(line) : show_of_master(line));
}

}  // namespace slicemill::cli
