#include "api/dialects/teraslice/teraslice_tables.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace slicemill::api::teraslice {
namespace {

constexpr std::array<std::string_view, 5> kWorkers = {"assignment", "job_id", "ex_id", "node_id", "pid"};
constexpr std::array<std::string_view, 8> kNodes = {"node_id", "state", "hostname",          "total",
                                                    "active",  "pid",   "teraslice_version", "node_version"};
constexpr std::array<std::string_view, 7> kControllers = {"name",   "job_id", "workers_available", "workers_active",
                                                          "failed", "queued", "processed"};
constexpr std::array<std::string_view, 8> kJobs = {"job_id",  "name",    "active",   "lifecycle",
                                                   "slicers", "workers", "_created", "_updated"};
constexpr std::array<std::string_view, 9> kExecutions = {"name",  "lifecycle", "slicers",  "workers", "_status",
                                                         "ex_id", "job_id",    "_created", "_updated"};

std::vector<std::string_view> with_deleted_on(std::span<const std::string_view> columns, bool with_deletion) {
  std::vector<std::string_view> all(columns.begin(), columns.end());
  if (with_deletion) all.push_back("_deleted_on");
  return all;
}

}  // namespace

std::span<const std::string_view> worker_columns() {
  return kWorkers;
}
std::span<const std::string_view> node_columns() {
  return kNodes;
}
std::span<const std::string_view> controller_columns() {
  return kControllers;
}
std::vector<std::string_view> job_columns(bool with_deletion) {
  return with_deleted_on(kJobs, with_deletion);
}
std::vector<std::string_view> execution_columns(bool with_deletion) {
  return with_deleted_on(kExecutions, with_deletion);
}

std::vector<Json> worker_rows(const Json& cluster_state) {
  std::vector<Json> rows;
  for (const Json& node : cluster_state) {
    if (!node.is_object() || !node.contains("active")) continue;
    for (Json process : node["active"]) {
      for (const char* member : {"node_id", "hostname"})
        if (node.contains(member)) process[member] = node[member];
      rows.push_back(std::move(process));
    }
  }
  return rows;
}

std::vector<Json> node_rows(const Json& cluster_state) {
  std::vector<Json> rows;
  for (Json node : cluster_state) {
    if (!node.is_object()) continue;
    if (auto active = node.find("active"); active != node.end()) *active = active->size();
    rows.push_back(std::move(node));
  }
  return rows;
}

std::vector<Json> page_of(std::vector<Json> rows, const RecordQuery& query) {
  const auto count = static_cast<std::int64_t>(rows.size());
  const auto first = std::min(query.from, count);
  const auto last = first + std::min(query.size, count - first);
  rows.erase(rows.begin() + last, rows.end());
  rows.erase(rows.begin(), rows.begin() + first);
  return rows;
}

}  // namespace slicemill::api::teraslice
