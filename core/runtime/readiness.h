// Waiting until a descriptor can be read, on Boost.Asio.
//
// A completed async_wait is only a hint: Asio completes the wait of a descriptor that was just registered without
// looking, if an event of a closed descriptor is still queued in the state that both share. So the descriptor itself
// is asked, and the wait goes on while there is nothing to read.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <utility>

#include "core/runtime/fault.h"

namespace slicemill {

// A read would not block: there is data, the other side has closed, or there is an error to fetch. Any thread.
bool is_readable(int fd);

namespace readiness_detail {

template <typename Waitable, typename Handler>
void wait(Waitable& waitable, Handler handler) {
  waitable.async_wait(Waitable::wait_read,
                      [&waitable, handler = std::move(handler)](boost::system::error_code error) mutable {
                        if (!error && !is_readable(waitable.native_handle()))
                          wait(waitable, std::move(handler));
                        else
                          handler(error);
                      });
}

}  // namespace readiness_detail

// Calls handler(error_code) once: when `waitable` (a descriptor, socket or acceptor of Asio) can be read, or with an
// error when it was cancelled or closed. The handler owns what keeps `waitable` alive. Loop thread.
// The fault point `readiness` plants a wake-up without an event.
template <typename Waitable, typename Handler>
void async_wait_readable(Waitable& waitable, Handler handler) {
  if (fault("readiness")) {
    readiness_detail::wait(waitable, std::move(handler));
    return;
  }
  boost::asio::post(waitable.get_executor(), [&waitable, handler = std::move(handler)]() mutable {
    if (is_readable(waitable.native_handle()))
      handler(boost::system::error_code());
    else
      readiness_detail::wait(waitable, std::move(handler));
  });
}

}  // namespace slicemill
