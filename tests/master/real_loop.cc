#include "tests/master/real_loop.h"

#include <boost/asio/io_context.hpp>
#include <chrono>

namespace slicemill::master {

bool turn_until(AsioLoop& loop, const std::function<bool()>& predicate) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    loop.context().run_one_for(std::chrono::milliseconds(50));
  }
  return true;
}

}  // namespace slicemill::master
