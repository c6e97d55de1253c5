// What the cluster looks like to users: nodes with every process, controllers with their counts. Loop thread; answers
// from memory.
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/model/job_dialect.h"
#include "core/runtime/json.h"
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
// One item per execution that runs and has reported counts; in no order.
Json controllers_view(const Executions& executions);
// Counts of one controller with ids and name. Requires: it has reported.
Json controller_item(const LiveExecution& live);

}  // namespace slicemill::master
