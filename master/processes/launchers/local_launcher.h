// Processes on this machine: posix_spawn, pidfd.
#pragma once

#include <memory>
#include <string>

#include "core/runtime/asio_loop.h"
#include "master/processes/launcher.h"

namespace slicemill::master {

struct LocalPrograms {
  std::string controller;  // path of `slicemill-controller`
  std::string worker;      // path of `slicemill-worker`
};

// Controllers and workers that are kept started ahead (standby_pool.h), so many of each. They serve orders with exactly
// this environment; the others are started when they are ordered.
struct Standbys {
  int count = 0;
  Environment environment;
};

std::unique_ptr<Launcher> make_local_launcher(AsioLoop& loop, LocalPrograms programs, const Standbys& standbys = {});

}  // namespace slicemill::master
