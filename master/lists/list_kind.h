// The two lists of the registry.
#pragma once

#include <cstdint>

namespace slicemill::master {

enum class ListKind : std::uint8_t { jobs, executions };

}  // namespace slicemill::master
