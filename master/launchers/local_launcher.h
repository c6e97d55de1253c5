// Processes on this machine: posix_spawn, pidfd.
#pragma once

#include <memory>
#include <string>

#include "core/runtime/asio_loop.h"
#include "master/launcher.h"

namespace slicemill::master {

struct LocalPrograms {
  std::string controller;  // path of `slicemill-controller`
  std::string worker;      // path of `slicemill-worker`
};

std::unique_ptr<Launcher> make_local_launcher(AsioLoop& loop, LocalPrograms programs);

}  // namespace slicemill::master
