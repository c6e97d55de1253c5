// One run of the simulator: a job, faults, verbs, then peace; and what must be true at the end. Everything follows from
// the seed.
#pragma once

#include <cstdint>
#include <string>

namespace slicemill::simulation {

struct RunOptions {
  std::uint64_t seed = 1;
  std::string directory;  // emptied by every run
  bool verbose = false;   // the processes log
  // Kill matrix: these processes die when a process passes the point for the n-th time. Empty: by chance.
  std::string matrix_point;
  std::string matrix_victim;  // worker, controller, master, all
};

struct RunReport {
  std::string violated;  // "" if all held
  std::uint64_t trace = 0;
  std::uint64_t events = 0;
  double virtual_seconds = 0;
  std::uint64_t kills = 0;  // processes that died by a signal
  std::uint64_t slices = 0;
  std::uint64_t slices_begun = 0;
  std::uint64_t outputs = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t matrix_fired = 0;
};

RunReport run_once(const RunOptions& options);

}  // namespace slicemill::simulation
