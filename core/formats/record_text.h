// Records that are made rather than found: one behind the other in a block that grows and is used again. One thread.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace slicemill {

class RecordText {
 public:
  // Room for `size` more bytes; write there, then say how far with advance().
  char* reserve(std::size_t size) {
    if (capacity_ - used_ < size) grow(size);
    return data_.get() + used_;
  }
  void advance(const char* end) { used_ = static_cast<std::size_t>(end - data_.get()); }
  // Everything since the last call is one record.
  void end_record() { ends_.push_back(used_); }

  const char* data() const { return data_.get(); }
  std::size_t size() const { return used_; }
  const std::vector<std::size_t>& ends() const { return ends_; }
  void clear() {
    used_ = 0;
    ends_.clear();
  }

 private:
  void grow(std::size_t size) {
    const std::size_t capacity = std::max(capacity_ * 2, used_ + size);
    std::unique_ptr<char[]> bigger(new char[capacity]);
    if (used_ > 0) std::memcpy(bigger.get(), data_.get(), used_);
    data_ = std::move(bigger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t used_ = 0;
  std::size_t capacity_ = 0;
  std::vector<std::size_t> ends_;
};

}  // namespace slicemill
