#include "execution-controller/reporting/progress.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "core/model/plain_reason.h"

namespace slicemill::controller {
namespace {

constexpr std::size_t kMostTexts = 20;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

// Figures for people: three digits that say something, and whole from a hundred on.
Json rounded(const std::optional<double>& value) {
  if (!value) return {};
  if (*value >= 100) return static_cast<std::uint64_t>(std::llround(*value));
  return std::round(*value * 10) / 10;
}

Json first_texts(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (std::size_t i = 0; i < std::min(texts.size(), kMostTexts); ++i) list.push_back(texts[i]);
  if (texts.size() > kMostTexts) list.push_back(fmt::format("and {} more", texts.size() - kMostTexts));
  return list;
}

Json steps_json(const Json& operations) {
  Json steps = Json::array();
  for (const Json& row : operations) {
    steps.push_back({{"op", row.at("op")},
                     {"order", row.at("order")},
                     {"records_in", row.at("records_in")},
                     {"records_out", row.at("records")},
                     {"time_ms", row.at("time_ms")},
                     {"share", row.at("share")}});
  }
  return steps;
}

}  // namespace

double percent_of(std::uint64_t done, std::uint64_t total) {
  constexpr double kWhole = 100, kMostOfSome = 99.9;
  if (total == 0 || done >= total) return kWhole;
  const double percent = std::floor(static_cast<double>(done) / static_cast<double>(total) * 1e3) / 10;
  return std::min(percent, kMostOfSome);
}

Json progress_json(const Progress& progress) {
  const auto& left = progress.remaining;
  Json slowest;
  if (progress.slowest) {
    slowest = {{"op", progress.slowest->op}, {"order", progress.slowest->order}, {"share", progress.slowest->share}};
  }
  return {{"percent", or_null(progress.percent)},
          {"done", progress.done},
          {"total", or_null(progress.total)},
          {"unit", progress.unit},
          {"rate", rounded(progress.records_per_second)},
          {"bytes_rate", rounded(progress.bytes_per_second)},
          {"bytes_of", progress.are_bytes_of_input ? "input" : "output"},
          {"eta", left ? rounded(left->expected) : Json()},
          {"eta_low", left ? rounded(left->low) : Json()},
          {"eta_high", left ? rounded(left->high) : Json()},
          {"slowest", std::move(slowest)},
          {"workers", progress.workers},
          {"workers_wanted", progress.workers_wanted},
          {"failures", progress.failures}};
}

Json stats_json(const ProgressView& view) {
  Json stats = {{"workers_available", view.workers.connected - std::min(view.workers.connected, view.workers.active)},
                {"workers_active", view.workers.active},
                {"workers_joined", view.workers.joined},
                {"workers_reconnected", view.workers.reconnected},
                {"workers_disconnected", view.workers.disconnected},
                {"failed", view.counters.failed},
                {"subslices", view.counters.subslices},
                {"queued", view.queued},
                {"slice_range_expansion", 0},
                {"processed", view.counters.processed},
                {"slicers", view.slicers},
                {"subslice_by_key", 0},
                {"started", to_iso(view.started_ms)}};
  if (view.queuing_complete_ms != 0) stats["queuing_complete"] = to_iso(view.queuing_complete_ms);
  if (view.finished_ms != 0) stats["job_duration"] = std::max<WallMs>(1, (view.finished_ms - view.started_ms) / 1000);
  stats["records_in"] = view.counters.records_in;
  stats["records_out"] = view.counters.records_out;
  stats["quarantined"] = view.counters.quarantined;
  stats["bytes_out"] = view.counters.bytes_out;
  stats["retries"] = view.counters.retries;
  stats["refused"] = view.counters.refused;
  stats["speculated"] = view.speculation.begun;
  stats["speculation_won"] = view.speculation.won;
  stats["in_flight"] = view.in_flight;
  if (!view.obstacle.is_null()) stats["obstacle"] = view.obstacle;
  if (!view.operations.empty()) stats["operations"] = view.operations;
  stats["progress"] = progress_json(view.progress);
  if (!view.first_error.is_null()) stats["first_error"] = view.first_error;
  if (!view.notices.empty()) stats["notices"] = first_texts(view.notices);
  return stats;
}

std::string failure_reason(const std::string& ex_id, std::uint64_t failed, const std::string& first) {
  return fmt::format("execution: {} had {} slice failure{} during processing{}{}", ex_id, failed,
                     failed == 1 ? "" : "s", first.empty() ? "" : "; the first: ", first);
}

Json summary_json(const SummaryView& summary) {
  const LedgerCounters& counters = summary.view.counters;
  const WallMs since = summary.resumed_ms != 0 ? summary.resumed_ms : summary.created_ms;
  const double seconds = static_cast<double>(std::max<WallMs>(1, summary.ended_ms - since)) / 1e3;
  const auto records = static_cast<double>(counters.records_in - std::min(counters.records_in, summary.records_before));
  const Json& last = summary.job.operations.back().options;
  const auto path = last.find("path");
  const Progress& progress = summary.view.progress;
  return {{"ex_id", summary.ex_id},
          {"name", summary.job.name},
          {"status", summary.status},
          {"reason", std::string(plain_reason(summary.reason))},
          {"started", to_iso(summary.created_ms)},
          {"resumed", summary.resumed_ms != 0 ? Json(to_iso(summary.resumed_ms)) : Json()},
          {"ended", to_iso(summary.ended_ms)},
          {"seconds", seconds},
          {"slices", {{"processed", counters.processed}, {"failed", counters.failed}, {"retries", counters.retries}}},
          {"records_in", counters.records_in},
          {"records_out", counters.records_out},
          {"records_per_second", rounded(records / seconds)},
          {"bytes_in", progress.are_bytes_of_input ? Json(progress.done) : Json()},
          {"bytes_out", counters.bytes_out},
          {"percent", or_null(progress.percent)},
          {"quarantined", counters.quarantined},
          {"steps", steps_json(summary.view.operations)},
          {"notices", first_texts(summary.view.notices)},
          {"remarks", first_texts(summary.remarks)},
          {"first_error", summary.view.first_error},
          {"output", path != last.end() && path->is_string() ? *path : Json()}};
}

}  // namespace slicemill::controller
