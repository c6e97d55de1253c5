#include "core/model/stats_v0.h"

#include <nlohmann/json.hpp>

#include "core/model/json_members.h"
#include "core/model/stats_json.h"
#include "core/query/date_period.h"
#include "core/runtime/json.h"

namespace slicemill {
namespace {

using namespace json_members;

constexpr double kNsPerMs = 1e6;

std::optional<WallMs> time(const Json& object, std::string_view name) {
  const auto written = text(object, name);
  if (!written) return std::nullopt;
  const auto period = query::parse_date_period(*written, 0);
  return period ? std::optional(period->first) : std::nullopt;
}

std::vector<std::string> texts(const Json& object, std::string_view name) {
  std::vector<std::string> list;
  const Json* found = member_of(object, name);
  if (found == nullptr || !found->is_array()) return list;
  for (const Json& item : *found)
    if (item.is_string()) list.push_back(item.get<std::string>());
  return list;
}

std::optional<FirstErrorView> first_error_from(const Json& json) {
  const auto error = text(json, "error");
  if (!error) return std::nullopt;
  FirstErrorView first{.error = *error,
                       .file = text(json, "file").value_or(""),
                       .bytes = std::nullopt,
                       .place = text(json, "place").value_or(""),
                       .record = text(json, "record"),
                       .slicer = count(json, "slicer"),
                       .order = count(json, "order"),
                       .is_quarantined = is_true(json, "quarantined")};
  const Json* bytes = member_of(json, "bytes");
  if (bytes != nullptr && bytes->is_array() && bytes->size() == 2 && bytes->at(0).is_number_unsigned() &&
      bytes->at(1).is_number_unsigned())
    first.bytes = ByteRange{bytes->at(0).get<std::uint64_t>(), bytes->at(1).get<std::uint64_t>()};
  return first;
}

std::vector<OperationStats> operations_from(const Json& json) {
  std::vector<OperationStats> operations;
  const Json* list = member_of(json, "operations");
  if (list == nullptr || !list->is_array()) return operations;
  for (const Json& row : *list) {
    const double ns = real(row, "time_ms").value_or(0) * kNsPerMs;
    operations.push_back({.op = text(row, "op").value_or(""),
                          .order = count(row, "order"),
                          .slices = count(row, "slices"),
                          .measured = count(row, "measured"),
                          .records_in = whole(row, "records_in"),
                          .totals = {count(row, "records"), count(row, "bytes"),
                                     ns > 0 && ns < 1e18 ? static_cast<std::uint64_t>(ns) : 0},
                          .share = real(row, "share")});
  }
  return operations;
}

std::optional<RunSummary> summary_from(const Json& json) {
  const auto ex_id = text(json, "ex_id");
  if (!ex_id) return std::nullopt;
  return RunSummary{.ex_id = *ex_id,
                    .name = text(json, "name").value_or(""),
                    .status = text(json, "status").value_or(""),
                    .reason = text(json, "reason").value_or(""),
                    .created = time(json, "started").value_or(0),
                    .resumed = time(json, "resumed"),
                    .ended = time(json, "ended").value_or(0),
                    .records_before = 0,
                    .remarks = texts(json, "remarks"),
                    .output = text(json, "output")};
}

}  // namespace

Result<Stats> stats_from_json(std::string_view written) {
  const auto parsed = parse_json(written);
  if (!parsed || !parsed->is_object()) return Error{ErrorCode::corrupt, "figures of an execution are no JSON object"};
  const Json& json = *parsed;
  Stats stats;
  for (const SliceCounterField& field : kSliceCounters) stats.slices.*field.value = count(json, field.name);
  stats.workers = {.connected = count(json, "workers_available") + count(json, "workers_active"),
                   .active = count(json, "workers_active"),
                   .joined = count(json, "workers_joined"),
                   .reconnected = count(json, "workers_reconnected"),
                   .disconnected = count(json, "workers_disconnected")};
  stats.speculation = {count(json, "speculated"), count(json, "speculation_won")};
  stats.queued = count(json, "queued");
  stats.in_flight = count(json, "in_flight");
  stats.slicers = count(json, "slicers");
  stats.started = time(json, "started").value_or(0);
  stats.queuing_complete = time(json, "queuing_complete");
  if (const auto seconds = real(json, "job_duration"))
    stats.finished = stats.started + static_cast<WallMs>(*seconds * 1e3);
  const Json& obstacle = object_in(json, "obstacle");
  if (const auto where = text(obstacle, "where"))
    stats.obstacle = ObstacleView{*where, text(obstacle, "reason").value_or(""), time(obstacle, "since").value_or(0),
                                  count(obstacle, "tries")};
  stats.operations = operations_from(json);
  stats.progress = progress_from_json(object_in(json, "progress"));
  stats.first_error = first_error_from(object_in(json, "first_error"));
  stats.notices = texts(json, "notices");
  stats.summary = summary_from(object_in(json, "summary"));
  return stats;
}

}  // namespace slicemill
