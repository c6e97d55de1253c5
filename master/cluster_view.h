// What the cluster looks like to users: nodes with every process, controllers with their counts. Loop thread; answers
// from memory.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/model/commands.h"
#include "core/model/job_dialect.h"
#include "master/executions/executions.h"

namespace slicemill::master {

struct NodeFacts {
  std::string cluster_name;
  std::string hostname;
  std::string address;  // that the master listens on
  pid_t master_pid = 0;
  BuildFacts build;
};

// This machine with all processes.
ClusterFacts cluster_facts(const NodeFacts& node, const Executions& executions);
// One per execution that runs and has reported figures; in no order.
std::vector<ControllerView> controllers_view(const Executions& executions);

}  // namespace slicemill::master
