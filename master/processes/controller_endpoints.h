// Where execution controllers listen for their workers: socket files, or TCP ports of a range.
//
// An execution keeps its endpoint and keys for life, over restarts of its controller and of the master (its launch file
// has them), since its workers go on connecting to that place. Owner: Executions; loop thread.
#pragma once

#include <map>
#include <string>

#include "core/model/launch.h"
#include "core/runtime/ids.h"
#include "core/runtime/result.h"
#include "core/runtime/text.h"
#include "core/wire/zmq_channel.h"

namespace slicemill::master {

struct WorkerTransport {
  bool tcp = false;
  std::string address = "127.0.0.1";  // of tcp
  PortRange ports = {.first = 25'679, .last = 26'678};
};

struct ControllerEndpoint {
  std::string endpoint;  // as ZeroMQ takes it
  CurveKeys keys;        // empty over ipc
};

class ControllerEndpoints {
 public:
  ControllerEndpoints(DataLayout layout, WorkerTransport transport);

  // The execution's own, or a new one: that of the launch file that is there, or of the transport. unavailable: every
  // port of the range is taken.
  Result<ControllerEndpoint> of(const ExecutionId& id);
  // The execution has ended.
  void forget(const ExecutionId& id) { known_.erase(id); }

 private:
  Result<ControllerEndpoint> choose(const ExecutionId& id) const;
  bool is_taken(const std::string& endpoint) const;

  DataLayout layout_;
  WorkerTransport transport_;
  std::map<ExecutionId, ControllerEndpoint> known_;
};

}  // namespace slicemill::master
