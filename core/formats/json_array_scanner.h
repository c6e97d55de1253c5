// Splits a JSON text that is an array of values into its elements, or takes a text that is one value as one record,
// without holding more than one element. Each element is checked on the way.
//
// It never reads: the caller shows it bytes in order, and again what it left over. Not thread-safe; one per slice.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill {

// An element that is no good: its text, where it begins and what is wrong with it.
struct BadElement {
  std::string_view text;
  std::uint64_t at;
  Error error;
};

class JsonArrayScanner {
 public:
  // Asked what becomes of a bad element; an error ends the scan with it. Without such a function the first one does. A
  // broken element ends where brackets and quotes say: if they do not, the text is broken as a whole.
  using OnBadElement = std::function<Result<void>(const BadElement&)>;

  JsonArrayScanner() = default;
  explicit JsonArrayScanner(OnBadElement on_bad) : on_bad_(std::move(on_bad)) {}

  // data: the bytes from position() on, with kScanPadding readable ones behind; `last`: the text ends there. Appends
  // views into data and returns how many bytes are used up. 0 while not done: no element ends in data, show it again
  // with more. Elements lose their line ends in place. invalid: the text is not what it should be; the message says at
  // which byte.
  Result<std::size_t> scan(std::span<char> data, bool last, std::vector<std::string_view>& records);

  std::uint64_t position() const { return position_; }
  bool done() const { return done_; }

 private:
  enum class State { start, first_element, element, after_element, after_all };

  // One token at p; false: more bytes are needed, or all is done.
  Result<bool> step(char*& p, char* end, bool last, std::vector<std::string_view>& records);
  Result<bool> element(char*& p, char* end, bool last, std::vector<std::string_view>& records);
  Result<bool> bad_element(char*& p, char* end, bool last, const Error& error);
  Error broken(const char* at, const char* data, std::string_view problem) const;

  OnBadElement on_bad_;

  State state_ = State::start;
  bool is_array_ = false;
  bool done_ = false;
  std::uint64_t position_ = 0;
  const char* data_ = nullptr;  // of the scan under way
};

}  // namespace slicemill
