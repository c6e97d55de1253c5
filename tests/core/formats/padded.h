// Text with the readable bytes behind it that scanners want, filled with what would mislead them if they looked.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace slicemill {

class Padded {
 public:
  explicit Padded(std::string_view text) : data_(new char[text.size() + 64]), size_(text.size()) {
    if (!text.empty()) std::memcpy(data_.get(), text.data(), text.size());
    for (std::size_t i = 0; i < 64; ++i) data_[size_ + i] = "\"\n,}]\\0"[i % 7];
  }
  std::string_view view() const { return {data_.get(), size_}; }
  std::span<char> span() { return {data_.get(), size_}; }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t size_;
};

}  // namespace slicemill
