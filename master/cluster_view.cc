#include "master/cluster_view.h"

#include <fmt/core.h>

#include <algorithm>

#include "master/execution_documents.h"

namespace slicemill::master {

namespace {

Json process_json(const ProcessRow& row) {
  Json json = {{"worker_id", row.ordinal},
               {"assignment", row.is_controller ? "execution_controller" : "worker"},
               {"pid", row.process.pid}};
  json["ex_id"] = row.ex_id.text;
  json["job_id"] = row.job_id.text;
  if (!row.is_controller) json["worker"] = row.worker_id.text;
  return json;
}

}  // namespace

Json cluster_info(const NodeFacts& node) {
  return {{"arch", kArchitecture},     {"clustering_type", "native"},
          {"name", node.cluster_name}, {"node_version", kNodeVersion},
          {"platform", kPlatform},     {"teraslice_version", fmt::format("v{}", kDialectVersion)}};
}

Json cluster_state(const NodeFacts& node, const Executions& executions) {
  Json active = Json::array();
  // One process is both, and neither takes a slot.
  active.push_back({{"worker_id", 1}, {"assignment", "cluster_master"}, {"pid", node.master_pid}});
  active.push_back({{"worker_id", 2}, {"assignment", "assets_service"}, {"pid", node.master_pid}});
  std::int64_t workers = 0;
  for (const auto& row : executions.supervisor().processes()) {
    active.push_back(process_json(row));
    if (!row.is_controller) ++workers;
  }
  const std::int64_t slots = executions.options().slots;
  Json state = {{"node_id", node.hostname},
                {"hostname", node.address},
                {"pid", node.master_pid},
                {"node_version", kNodeVersion},
                {"teraslice_version", kDialectVersion},
                {"total", slots},
                {"state", "connected"},
                {"available", std::max<std::int64_t>(slots - workers, 0)},
                {"active", std::move(active)}};
  if (auto obstacle = executions.obstacle(); !obstacle.empty()) state["obstacle"] = std::move(obstacle);
  return {{node.hostname, std::move(state)}};
}

Json controller_item(const LiveExecution& live) {
  Json item = {{"ex_id", live.ex_id.text}, {"job_id", live.job_id.text}, {"name", live.name}};
  const auto stats = parse_json(live.stats);
  if (stats && stats->is_object()) item.update(*stats);
  return item;
}

Json controllers_view(const Executions& executions) {
  Json list = Json::array();
  for (const auto* live : executions.all()) {
    if (is_running_group(live->durable_status) && !live->stats.empty() && executions.links().connected(live->ex_id)) {
      list.push_back(controller_item(*live));
    }
  }
  return list;
}

}  // namespace slicemill::master
