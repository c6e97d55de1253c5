#include "cli/run_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_codes.h"
#include "core/runtime/json.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::chrono::seconds kLineEvery{5};

std::uint64_t number_of(const Json& stats, const char* key) {
  const auto found = stats.find(key);
  return found != stats.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3) {
    text.insert(static_cast<std::size_t>(place), ",");
  }
  return text;
}

std::string progress_text(std::string_view status, std::string_view stats) {
  const auto parsed = parse_json(stats);
  const Json json = parsed && parsed->is_object() ? *parsed : Json::object();
  return fmt::format("{}: {} slices done, {} failed, {} queued, {} records in, {} out", status,
                     grouped(number_of(json, "processed")), grouped(number_of(json, "failed")),
                     grouped(number_of(json, "queued")), grouped(number_of(json, "records_in")),
                     grouped(number_of(json, "records_out")));
}

void RunProgress::show(std::string_view status, std::string_view stats) {
  if (terminal_) {
    say(stderr, fmt::format("\r\x1b[K{}", progress_text(status, stats)));
    line_open_ = true;
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < kLineEvery) return;
  shown_ = now;
  say(stderr, fmt::format("progress: {}\n", progress_text(status, stats)));
}

void RunProgress::end() {
  if (!line_open_) return;
  say(stderr, "\r\x1b[K");
  line_open_ = false;
}

std::string closing_summary(const std::string& ex_id, ExecutionStatus status, const LedgerCounters& counters,
                            std::chrono::milliseconds took, const std::string& output) {
  const double seconds = static_cast<double>(std::max<std::int64_t>(1, took.count())) / 1000.0;
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(counters.records_in) / seconds);
  return fmt::format("execution {} {}: {} slices, {} failed, {} records in, {} records out,{} {:.2f} s, {} records/s{}",
                     ex_id, to_string(status), grouped(counters.processed), grouped(counters.failed),
                     grouped(counters.records_in), grouped(counters.records_out),
                     counters.quarantined > 0 ? fmt::format(" {} quarantined,", grouped(counters.quarantined)) : "",
                     seconds, grouped(rate), output.empty() ? "" : ", output " + printable(output));
}

}  // namespace slicemill::cli
