#include "master/cluster_view.h"

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

std::vector<ControllerView> controllers_view(const Executions& executions) {
  std::vector<ControllerView> list;
  for (const auto* live : executions.all()) {
    if (is_running_group(live->durable_status) && live->stats && executions.links().connected(live->ex_id))
      list.push_back({live->ex_id, live->job_id, live->name, *live->stats});
  }
  return list;
}

}  // namespace slicemill::master
