// Moves bytes between us and a child, both ways at once, so that neither waits for the other for ever: whoever fills a
// pipe is met by the other end being read.
//
// One thread. Waiting ends early when the slice is cancelled or the child has used up its time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/runtime/piped_child.h"
#include "core/runtime/result.h"
#include "operations/processors/child_errors.h"

namespace slicemill {

class ChildPump {
 public:
  enum class Until {
    written,    // all input is written; no output need have come
    some_read,  // some output came, or its end
  };

  ChildPump(PipedChild& child, ChildErrors& errors) : child_(child), errors_(errors) {}

  // A slice begins: its time counts from 0. timeout_ms 0: none. cancelled may be null.
  void begin(std::int64_t timeout_ms, const std::atomic<bool>* cancelled);

  // Writes from the front of `input`, which is left with what is not written, and reads into `room`; ends with `until`
  // or when the room is full. What a child that closed its input no longer takes is dropped. Returns how much was read.
  // timeout (may be retried), cancelled, io.
  Result<std::size_t> exchange(std::string_view& input, std::span<char> room, Until until);
  // No more output, ever: the child closed it, or ended and left nobody behind who writes.
  bool output_ended() const { return child_.output() < 0; }
  // Output waits to be read, or has ended.
  bool has_output() const;
  // Waits for the child's end, and hears the last of its errors.
  Result<ProcessExit> wait_for_exit();

 private:
  Result<void> write_some(std::string_view& input);
  Result<std::size_t> read_some(std::span<char> room);
  void read_errors();
  // Blocks until something can be done.
  Result<void> wait(bool wants_to_write, bool wants_to_read);
  Result<void> check_time() const;

  PipedChild& child_;
  ChildErrors& errors_;
  std::chrono::steady_clock::duration waited_{};
  std::int64_t timeout_ms_ = 0;
  const std::atomic<bool>* cancelled_ = nullptr;
  bool can_read_ = false;
};

}  // namespace slicemill
