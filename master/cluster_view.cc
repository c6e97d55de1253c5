#include "master/cluster_view.h"

#include <utility>

namespace slicemill::master {

ClusterFacts cluster_facts(const NodeFacts& node, const Executions& executions) {
  ClusterFacts facts{.name = node.cluster_name,
                     .hostname = node.hostname,
                     .address = node.address,
                     .master_pid = node.master_pid,
                     .slots = executions.options().slots,
                     .processes = {},
                     .obstacle = executions.obstacle()};
  for (const ProcessRow& row : executions.supervisor().processes())
    facts.processes.push_back({row.ordinal, row.is_controller, row.process.pid, row.ex_id, row.job_id, row.worker_id});
  return facts;
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
