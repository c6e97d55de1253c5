// A whole slicemill on virtual time: the production master, controllers and workers, started by a simulated launcher,
// on a simulated network and disk. Ledgers and registry are the real ones, in a directory of their own; their commits
// happen on virtual time, so a kill falls before a commit, or between it and whoever waits for it.
#pragma once

#include <memory>
#include <string>

#include "core/model/launch.h"
#include "master/master_service.h"
#include "master/registry/registry.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/network.h"
#include "tests/simulation/sim_executor.h"
#include "tests/simulation/sim_files.h"
#include "tests/simulation/world.h"

namespace slicemill::simulation {

class Cluster {
 public:
  // directory: is emptied.
  Cluster(std::uint64_t seed, const std::string& directory);
  ~Cluster();

  void start_master();
  Process* master();  // nullptr: none lives
  // Of the living master.
  master::MasterService& service();
  master::Registry& registry();

  // SIGKILL to everything; with the power, everything that was not synced goes too.
  void kill_all(bool power);

  World world;
  Network network{world};
  Disk disk{world};
  Checks checks{world};
  SliceOdds odds;
  const DataLayout layout;
  Process& user;

 private:
  class SimulatedLauncher;
  class SimulatedMonitor;
  struct MasterBody;
  struct ControllerBody;
  struct WorkerBody;
  void run_controller(Process& process, const std::string& launch_file);
  void run_worker(Process& process, const std::string& worker_id, const std::string& endpoint,
                  const std::string& marker_path);

  MasterBody* master_body_ = nullptr;
  Process* master_ = nullptr;
};

}  // namespace slicemill::simulation
