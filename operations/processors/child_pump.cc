#include "operations/processors/child_pump.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace slicemill {
namespace {

using PumpClock = std::chrono::steady_clock;

// How soon a cancelled slice, or a spent time, is noticed while the child is silent.
constexpr int kLookMs = 50;
// A child that ended while others hold its output is not waited for longer than this silence.
constexpr auto kSilence = std::chrono::milliseconds(500);

}  // namespace

void ChildPump::begin(std::int64_t timeout_ms, const std::atomic<bool>* cancelled) {
  timeout_ms_ = timeout_ms;
  cancelled_ = cancelled;
  waited_ = {};
}

Result<std::size_t> ChildPump::exchange(std::string_view& input, std::span<char> room, Until until) {
  std::size_t got = 0;
  while (true) {
    RETURN_IF_ERROR(write_some(input));
    if (until == Until::written && input.empty()) return got;
    if (until == Until::some_read && (got > 0 || output_ended())) return got;
    if (got == room.size()) return got;
    RETURN_IF_ERROR(wait(!input.empty(), true));
    if (!can_read_) continue;
    ASSIGN_OR_RETURN(const std::size_t more, read_some(room.subspan(got)));
    got += more;
  }
}

Result<void> ChildPump::write_some(std::string_view& input) {
  while (!input.empty()) {
    if (child_.input() < 0) {
      input = {};
      return {};
    }
    const auto written = ::write(child_.input(), input.data(), input.size());
    if (written >= 0) {
      input.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      child_.close_input();  // it wants no more, as `head` does; its exit code tells whether that is fine
    } else if (errno == EAGAIN) {
      return {};
    } else if (errno != EINTR) {
      return errno_error(errno, "write to", "the child's standard input");
    }
  }
  return {};
}

Result<std::size_t> ChildPump::read_some(std::span<char> room) {
  std::size_t got = 0;
  while (got < room.size()) {
    const auto size = ::read(child_.output(), room.data() + got, room.size() - got);
    if (size > 0) {
      got += static_cast<std::size_t>(size);
    } else if (size == 0) {
      child_.close_output();
      break;
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return errno_error(errno, "read from", "the child's standard output");
    }
  }
  return got;
}

void ChildPump::read_errors() {
  std::array<char, 16384> bytes;
  while (child_.errors() >= 0) {
    const auto size = ::read(child_.errors(), bytes.data(), bytes.size());
    if (size > 0) {
      errors_.take({bytes.data(), static_cast<std::size_t>(size)}, PumpClock::now());
    } else if (size < 0 && errno == EINTR) {
      continue;
    } else {
      if (size == 0 || errno != EAGAIN) child_.close_errors();
      return;
    }
  }
}

bool ChildPump::has_output() const {
  pollfd output{.fd = child_.output(), .events = POLLIN, .revents = 0};
  return ::poll(&output, 1, 0) > 0;
}

Result<void> ChildPump::wait(bool wants_to_write, bool wants_to_read) {
  can_read_ = false;
  const auto silent_since = PumpClock::now();
  while (true) {
    RETURN_IF_ERROR(check_time());
    const bool has_ended = child_.exit().has_value();
    std::array<pollfd, 4> fds{{{wants_to_write ? child_.input() : -1, POLLOUT, 0},
                               {wants_to_read ? child_.output() : -1, POLLIN, 0},
                               {child_.errors(), POLLIN, 0},
                               {has_ended ? -1 : child_.pidfd(), POLLIN, 0}}};
    const auto begin = PumpClock::now();
    const int ready = ::poll(fds.data(), fds.size(), kLookMs);
    waited_ += PumpClock::now() - begin;
    if (ready < 0 && errno != EINTR) return errno_error(errno, "wait for", "the child");
    if (ready <= 0) {
      if (has_ended && PumpClock::now() - silent_since >= kSilence) {
        child_.close_input();
        child_.close_output();
        return {};
      }
      continue;
    }
    if (fds[2].revents != 0) read_errors();
    can_read_ = fds[1].revents != 0;
    if (can_read_ || fds[0].revents != 0 || fds[3].revents != 0) return {};
  }
}

Result<void> ChildPump::check_time() const {
  if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) {
    return Error(ErrorCode::cancelled, "cancelled");
  }
  if (timeout_ms_ > 0 && waited_ > std::chrono::milliseconds(timeout_ms_)) {
    return Error(ErrorCode::timeout, fmt::format("the child was not done within {} ms and is killed", timeout_ms_));
  }
  return {};
}

Result<ProcessExit> ChildPump::wait_for_exit() {
  while (!child_.exit()) RETURN_IF_ERROR(wait(false, false));
  read_errors();
  errors_.end(PumpClock::now());
  return child_.end(std::chrono::milliseconds(0));
}

}  // namespace slicemill
