// A sign of life that costs its reader no message: the time of the last one stands in a page of memory that both
// processes map. A process that is stopped, or whose loop hangs, writes none; what died is known by its pidfd.
#pragma once

#include <memory>
#include <string>

#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill {

// The side that lives. One thread.
class Pulse {
 public:
  static Result<std::unique_ptr<Pulse>> create();
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  // Where others of this machine and user open it, while this process lives.
  std::string path() const;
  void beat(SteadyTime now);

 private:
  Pulse(int fd, void* memory) : fd_(fd), memory_(memory) {}

  int fd_;
  void* memory_;
};

// The side that looks. Stays readable when the other one is gone. One thread.
class PulseView {
 public:
  // Only what Pulse made: it cannot shrink under the reader.
  static Result<std::unique_ptr<PulseView>> open(const std::string& path);
  ~PulseView();
  PulseView(const PulseView&) = delete;
  PulseView& operator=(const PulseView&) = delete;

  // The last sign; the clock's beginning if there was none.
  SteadyTime last() const;

 private:
  explicit PulseView(void* memory) : memory_(memory) {}

  void* memory_;
};

}  // namespace slicemill
