// Turns a real loop until something holds. For tests with real processes and sockets.
#pragma once

#include <functional>

#include "core/runtime/asio_loop.h"

namespace slicemill::master {

// False if it does not hold within a time that only a hanging test needs.
bool turn_until(AsioLoop& loop, const std::function<bool()>& predicate);

}  // namespace slicemill::master
