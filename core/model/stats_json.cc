#include "core/model/stats_json.h"

#include <algorithm>
#include <cmath>

#include "core/model/json_members.h"
#include "core/runtime/json_writer.h"

namespace slicemill {
namespace {

// Figures for people: three digits that say something, and whole from a hundred on.
std::optional<double> rounded(const std::optional<double>& value) {
  if (!value) return std::nullopt;
  if (*value >= 100) return std::round(*value);
  return std::round(*value * 10) / 10;
}

// Fractions are kept as far as they can be read.
double milliseconds(std::uint64_t ns) {
  return std::round(static_cast<double>(ns) / 1e3) / 1e3;
}

std::optional<std::string> iso(const std::optional<WallMs>& time) {
  return time ? std::optional(to_iso(*time)) : std::nullopt;
}

std::optional<std::string> known(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

// Begins with which operation it is about: one of OperationStats or SlowestOperation.
JsonObjectWriter of_operation(const auto& operation) {
  JsonObjectWriter json;
  json.add("op", operation.op).add("order", operation.order);
  return json;
}

std::string steps_json(const std::vector<OperationStats>& operations) {
  JsonListWriter steps;
  for (const OperationStats& operation : operations) {
    steps.add_json(of_operation(operation)
                       .add("records_in", operation.records_in)
                       .add("records_out", operation.totals.records)
                       .add("time_ms", milliseconds(operation.totals.time_ns))
                       .add("share", operation.share)
                       .take());
  }
  return steps.take();
}

}  // namespace

std::string progress_json(const Progress& progress) {
  const auto& left = progress.remaining;
  const auto seconds = [&](double RemainingTime::*which) { return left ? rounded((*left).*which) : std::nullopt; };
  std::string slowest = "null";
  if (progress.slowest) {
    slowest = of_operation(*progress.slowest).add("share", progress.slowest->share).take();
  }
  return JsonObjectWriter()
      .add("percent", progress.percent)
      .add("done", progress.done)
      .add("total", progress.total)
      .add("unit", known(progress.unit))
      .add("rate", rounded(progress.records_per_second))
      .add("bytes_rate", rounded(progress.bytes_per_second))
      .add("bytes_of", progress.are_bytes_of_input ? "input" : "output")
      .add("eta", seconds(&RemainingTime::expected))
      .add("eta_low", seconds(&RemainingTime::low))
      .add("eta_high", seconds(&RemainingTime::high))
      .add_json("slowest", slowest)
      .add("workers", progress.workers)
      .add("workers_wanted", progress.workers_wanted)
      .add("failures", progress.failures)
      .take();
}

Progress progress_from_json(const Json& json) {
  using namespace json_members;
  Progress progress{.percent = real(json, "percent"),
                    .done = count(json, "done"),
                    .total = whole(json, "total"),
                    .unit = text(json, "unit").value_or("slices"),
                    .records_per_second = real(json, "rate"),
                    .bytes_per_second = real(json, "bytes_rate"),
                    .are_bytes_of_input = text(json, "bytes_of") == "input",
                    .remaining = std::nullopt,
                    .slowest = std::nullopt,
                    .workers = count(json, "workers"),
                    .workers_wanted = count(json, "workers_wanted"),
                    .failures = count(json, "failures")};
  if (const auto eta = real(json, "eta"))
    progress.remaining =
        RemainingTime{*eta, real(json, "eta_low").value_or(*eta), real(json, "eta_high").value_or(*eta)};
  const Json& slowest = object_in(json, "slowest");
  if (const auto op = text(slowest, "op"))
    progress.slowest = SlowestOperation{*op, count(slowest, "order"), real(slowest, "share").value_or(0)};
  return progress;
}

std::string operations_json(const std::vector<OperationStats>& operations) {
  JsonListWriter list;
  for (const OperationStats& operation : operations) {
    list.add_json(of_operation(operation)
                      .add("slices", operation.slices)
                      .add("measured", operation.measured)
                      .add("records_in", operation.records_in)
                      .add("records", operation.totals.records)
                      .add("time_ms", milliseconds(operation.totals.time_ns))
                      .add("share", operation.share)
                      .add("bytes", operation.totals.bytes)
                      .take());
  }
  return list.take();
}

std::string obstacle_json(const ObstacleView& obstacle) {
  return JsonObjectWriter()
      .add("where", obstacle.where)
      .add("reason", obstacle.reason)
      .add("since", to_iso(obstacle.since))
      .add("tries", obstacle.tries)
      .take();
}

std::string first_error_json(const FirstErrorView& first) {
  std::string bytes = "null";
  if (first.bytes) {
    JsonListWriter range;
    range.add_json(std::to_string(first.bytes->from));
    range.add_json(std::to_string(first.bytes->to));
    bytes = range.take();
  }
  return JsonObjectWriter()
      .add("error", first.error)
      .add("file", known(first.file))
      .add_json("bytes", bytes)
      .add("place", known(first.place))
      .add("record", first.record)
      .add("slicer", first.slicer)
      .add("order", first.order)
      .add("quarantined", first.is_quarantined)
      .take();
}

std::string texts_json(const std::vector<std::string>& texts) {
  JsonListWriter list;
  for (const std::string& text : texts) list.add_json(json_string(text));
  return list.take();
}

std::string summary_json(const Stats& stats) {
  if (!stats.summary) return "{}";
  const RunSummary& summary = *stats.summary;
  const SliceCounters& slices = stats.slices;
  const WallMs since = summary.resumed.value_or(summary.created);
  const double seconds = static_cast<double>(std::max<WallMs>(1, summary.ended - since)) / 1e3;
  const auto records = static_cast<double>(slices.records_in - std::min(slices.records_in, summary.records_before));
  const Progress& progress = stats.progress;
  return JsonObjectWriter()
      .add("ex_id", summary.ex_id)
      .add("name", summary.name)
      .add("status", summary.status)
      .add("reason", summary.reason)
      .add("started", to_iso(summary.created))
      .add("resumed", iso(summary.resumed))
      .add("ended", to_iso(summary.ended))
      .add("seconds", seconds)
      .add_json("slices", JsonObjectWriter()
                              .add("processed", slices.processed)
                              .add("failed", slices.failed)
                              .add("retries", slices.retries)
                              .take())
      .add("records_in", slices.records_in)
      .add("records_out", slices.records_out)
      .add("records_per_second", rounded(records / seconds))
      .add("bytes_in", progress.are_bytes_of_input ? std::optional(progress.done) : std::nullopt)
      .add("bytes_out", slices.bytes_out)
      .add("percent", progress.percent)
      .add("quarantined", slices.quarantined)
      .add_json("steps", steps_json(stats.operations))
      .add_json("notices", texts_json(stats.notices))
      .add_json("remarks", texts_json(summary.remarks))
      .add_json("first_error", stats.first_error ? first_error_json(*stats.first_error) : "null")
      .add("output", summary.output)
      .take();
}

}  // namespace slicemill
