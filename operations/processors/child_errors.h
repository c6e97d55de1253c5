// What a child says on its standard error: line by line to a log, not faster than a log can bear, and the end of it
// kept for the error of a slice. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace slicemill {

class ChildErrors {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kTailBytes = 4096;
  static constexpr std::uint64_t kLinesPerWindow = 100;
  static constexpr std::chrono::seconds kWindow{10};

  explicit ChildErrors(std::function<void(std::string_view line)> log) : log_(std::move(log)) {}

  void take(std::string_view bytes, Time now);
  // The child has ended: a line without an end is one.
  void end(Time now);
  // The last bytes, without white space around them.
  std::string_view tail() const;
  void forget_tail() { tail_.clear(); }

 private:
  void line(std::string_view text, Time now);

  std::function<void(std::string_view)> log_;
  std::string tail_;
  std::string line_;  // not ended yet, at most kTailBytes of it
  Time window_begin_{};
  std::uint64_t in_window_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace slicemill
