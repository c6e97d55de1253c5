#include "core/runtime/readiness.h"

#include <poll.h>

#include <cerrno>

namespace slicemill {

bool is_readable(int fd) {
  pollfd asked{fd, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&asked, 1, 0);
  } while (ready < 0 && errno == EINTR);
  return ready > 0 && (asked.revents & POLLNVAL) == 0;
}

}  // namespace slicemill
