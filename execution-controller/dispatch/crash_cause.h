// How a worker's death reads in the error of the slice that it had begun. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace slicemill::controller {

// cause: as its parent or the system tells it. memory_limit: of each worker, in bytes; 0: none.
std::string crash_cause(const std::string& cause, std::int64_t memory_limit);

}  // namespace slicemill::controller
