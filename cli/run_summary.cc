#include "cli/run_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/client/documents.h"
#include "cli/client/table.h"
#include "cli/run_progress.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::string_view kSummaryIndent = "  ";
constexpr double kWholeShare = 100;  // percent

std::string step_count_text(const Json& row, const char* member) {
  return has_number(row, member) ? grouped(static_cast<std::uint64_t>(number_of(row, member))) : std::string();
}

std::string step_share_text(const Json& row) {
  const auto share = row.find("share");
  return share != row.end() && share->is_number() ? fmt::format("{:.0f}%", share->get<double>() * kWholeShare)
                                                  : std::string();
}

std::string steps_text(const Json& steps) {
  Table table{{{"STEP", ColumnKind::text},
               {"RECORDS IN", ColumnKind::number},
               {"RECORDS OUT", ColumnKind::number},
               {"TIME", ColumnKind::number}},
              {}};
  for (const Json& step : steps)
    table.rows.push_back({text_of(step, "op"), step_count_text(step, "records_in"),
                          step_count_text(step, "records_out"), step_share_text(step)});
  const std::string rendered = render(table, {});
  std::string text;
  for (std::size_t begin = 0; begin < rendered.size();) {
    const std::size_t end = rendered.find('\n', begin) + 1;
    text.append(kSummaryIndent).append(rendered, begin, end - begin);
    begin = end;
  }
  return text;
}

std::string first_error_line(const Json& first) {
  std::string place = text_of(first, "place");
  if (place.empty() || place.starts_with("slice {")) place = text_of(first, "file");
  const auto bytes = first.find("bytes");
  if (bytes != first.end() && bytes->is_array() && bytes->size() == 2)
    place += fmt::format(" (slice: bytes {} to {})", to_compact_text((*bytes)[0]), to_compact_text((*bytes)[1]));
  const bool is_quarantined = first.value("quarantined", false);
  std::string line = fmt::format("first {}: {}{}{}", is_quarantined ? "quarantined record" : "error", place,
                                 place.empty() ? "" : ": ", text_of(first, "error"));
  if (const std::string record = text_of(first, "record"); !record.empty()) line += "; record: " + record;
  return line;
}

}  // namespace

std::string closing_line(const std::string& ex_id, ExecutionStatus status, const SliceCounters& counters,
                         std::chrono::milliseconds took, const std::string& output) {
  const double seconds = static_cast<double>(std::max<std::int64_t>(1, took.count())) / 1000.0;
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(counters.records_in) / seconds);
  return fmt::format("execution {} {}: {}, {} failed, {} in, {} out,{} {:.2f} s, {} records/s{}", ex_id,
                     to_string(status), counted(counters.processed, "slice"), grouped(counters.failed),
                     counted(counters.records_in, "record"), counted(counters.records_out, "record"),
                     counters.quarantined > 0 ? fmt::format(" {} quarantined,", grouped(counters.quarantined)) : "",
                     seconds, grouped(rate), output.empty() ? "" : ", output " + printable(output));
}

std::string summary_text(const Json& summary) {
  if (!summary.is_object()) return {};
  std::string text;
  const auto add = [&](const std::string& line) { text.append(kSummaryIndent).append(printable(line)).append("\n"); };
  const auto steps = summary.find("steps");
  if (steps != summary.end() && !steps->empty()) text += steps_text(*steps);
  if (const std::string since = text_of(summary, "resumed"); !since.empty())
    add(fmt::format("it began at {} and was resumed at {}: counts are of all of it, times and rates since then",
                    text_of(summary, "started"), since));
  const auto notices = summary.find("notices");
  if (notices != summary.end() && notices->is_array()) {
    for (const Json& notice : *notices)
      if (notice.is_string()) add("input: " + notice.get<std::string>());
  }
  if (const std::int64_t records = number_of(summary, "quarantined"); records > 0)
    add(fmt::format("quarantined: {} {}; see `slicemill quarantine {}`", grouped(static_cast<std::uint64_t>(records)),
                    records == 1 ? "record" : "records", text_of(summary, "ex_id")));
  if (const Json& first = object_of(summary, "first_error"); !first.empty()) add(first_error_line(first));
  return text;
}

}  // namespace slicemill::cli
