// A list that is nearly always empty: in the space of a pointer, for structures of which there are many. Copies are
// deep. Any thread, as a std::vector.
#pragma once

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace slicemill {

template <typename T>
class RareList {
 public:
  RareList() = default;
  RareList(std::vector<T> items) {
    if (!items.empty()) items_ = std::make_unique<std::vector<T>>(std::move(items));
  }
  RareList(std::initializer_list<T> items) : RareList(std::vector<T>(items)) {}
  RareList(const RareList& other) { *this = other; }
  RareList(RareList&&) noexcept = default;
  ~RareList() = default;
  RareList& operator=(const RareList& other) {
    if (this != &other) items_ = other.empty() ? nullptr : std::make_unique<std::vector<T>>(*other.items_);
    return *this;
  }
  RareList& operator=(RareList&&) noexcept = default;

  bool empty() const { return items_ == nullptr || items_->empty(); }
  std::size_t size() const { return empty() ? 0 : items_->size(); }
  const T& operator[](std::size_t i) const { return (*items_)[i]; }
  auto begin() const { return items().begin(); }
  auto end() const { return items().end(); }

  const std::vector<T>& items() const {
    static const std::vector<T> none;
    return items_ ? *items_ : none;
  }
  // To be filled.
  std::vector<T>& items() {
    if (!items_) items_ = std::make_unique<std::vector<T>>();
    return *items_;
  }

  bool operator==(const RareList& other) const { return items() == other.items(); }

 private:
  std::unique_ptr<std::vector<T>> items_;
};

}  // namespace slicemill
