#include "execution-controller/dispatch/crash_cause.h"

#include <csignal>

#include <fmt/core.h>

#include "core/model/launch.h"
#include "core/runtime/process.h"

namespace slicemill::controller {

std::string crash_cause(const std::string& cause, std::int64_t memory_limit) {
  const std::string limit =
      memory_limit > 0 ? fmt::format(" (its limit is {} bytes, resources_limits_memory)", memory_limit) : "";
  if (cause == ProcessExit{true, kOutOfMemoryExit, 0}.to_text()) return "lack of memory" + limit;
  // The system kills so when memory is short, but others may have done it.
  if (cause == ProcessExit{true, 0, SIGKILL}.to_text()) return cause + ", maybe for lack of memory" + limit;
  return cause;
}

}  // namespace slicemill::controller
