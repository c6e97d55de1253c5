// What all executions of a master have in common. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/model/connections.h"
#include "core/model/launch.h"
#include "core/runtime/process.h"
#include "master/processes/controller_endpoints.h"

namespace slicemill::master {

struct ExecutionsOptions {
  DataLayout layout;
  std::int64_t slots = 8;
  ExecutionSettings settings;
  std::string log_level = "info";
  std::vector<std::pair<std::string, std::string>> environment = {};  // of all processes; a job's own goes before
  WorkerTransport worker_transport = {};
  std::optional<ProcessIdentity> process = {};  // this one, if it may look at the pulses of controllers
  ConnectionTypes connections = {};             // that jobs may name
};

}  // namespace slicemill::master
