// The seam to where processes run: starts controllers and workers, tells whether they live, signals them. Loop thread;
// never blocks: a spawn takes some milliseconds, more on a busy machine.
//
// Bodies: launchers/local_launcher (this machine), a fake one in tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/ids.h"
#include "core/runtime/process.h"
#include "core/runtime/result.h"

namespace slicemill::master {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct ControllerOrder {
  ExecutionId ex_id;
  std::string launch_file;  // core/model/launch.h
  std::string output_path;  // what it prints outside of its log
  Environment environment;
  std::vector<std::string> connections{};  // that its job names: it is given them with their secrets
};

struct WorkerOrder {
  ExecutionId ex_id;
  WorkerId worker_id;
  std::string controller_endpoint;
  std::string controller_key;  // its public key; "" over ipc
  std::string marker_directory;
  std::string log_path;
  std::string log_level;
  std::string output_path;
  Environment environment;
  std::int64_t memory_limit = 0;  // bytes; 0: none
  double cpu_limit = 0;           // processors; 0: none
  std::vector<std::string> connections{};
};

class Launcher {
 public:
  // Runs once, on the loop thread, maybe before the call returns; never when the launcher is gone.
  using Started = std::function<void(const Result<ProcessIdentity>&)>;

  virtual ~Launcher() = default;

  virtual void start_controller(const ControllerOrder& order, Started started) = 0;
  virtual void start_worker(const WorkerOrder& order, Started started) = 0;
  // As watch_process in core/runtime/process.h: on_exit runs once, on the loop thread, at once if the process is gone
  // already.
  virtual std::unique_ptr<ProcessWatch> watch(const ProcessIdentity& process,
                                              std::function<void(ProcessExit)> on_exit) = 0;
  // Why a controller that is gone ended with an error, as it said itself at the end of its output; "" if it said
  // nothing.
  virtual std::string last_words(const ProcessIdentity&, const std::string& /*output_path*/) { return {}; }
  // "" if it can limit the processors of workers, otherwise why it cannot.
  virtual std::string no_cpu_limit() const { return {}; }
  virtual bool alive(const ProcessIdentity& process) = 0;
  virtual Result<void> signal(const ProcessIdentity& process, int signal_number) = 0;
};

}  // namespace slicemill::master
