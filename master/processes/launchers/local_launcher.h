// Processes on this machine: posix_spawn, pidfd.
#pragma once

#include <memory>
#include <string>

#include "core/model/connections.h"
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

// connections: what orders name is resolved anew for each process, and goes to that process alone, over a pipe that it
// reads before anything else (core/runtime/standby_process.h).
std::unique_ptr<Launcher> make_local_launcher(
    AsioLoop& loop, LocalPrograms programs, const Standbys& standbys = {},
    std::shared_ptr<const ConnectionBook> connections = std::make_shared<ConnectionBook>());

}  // namespace slicemill::master
