// What the operations of a pipeline have to remark on its records (core/model/remark.h). Each change is taken once,
// with the result of the slice that showed it.
//
// Owner: the pipeline; operation thread only. A slice that shows nothing new costs one test.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/model/remark.h"

namespace slicemill {

class RecordRemarks {
 public:
  // A remark that may be made later; its number.
  std::size_t add(std::string text) {
    entries_.push_back({std::move(text)});
    return entries_.size() - 1;
  }
  void make(std::size_t number) { change(number, State::made); }
  void refute(std::size_t number) { change(number, State::refuted); }

  bool has_changes() const { return has_changes_; }
  // What was made or refuted since the last call.
  std::vector<Remark> take() {
    std::vector<Remark> changes;
    for (Entry& entry : entries_) {
      if (std::exchange(entry.is_new, false)) changes.push_back({entry.text, entry.state == State::refuted});
    }
    has_changes_ = false;
    return changes;
  }

 private:
  enum class State { silent, made, refuted };
  struct Entry {
    std::string text;
    State state = State::silent;
    bool is_new = false;
  };

  void change(std::size_t number, State state) {
    Entry& entry = entries_[number];
    if (entry.state >= state) return;
    entry.state = state;
    entry.is_new = has_changes_ = true;
  }

  std::vector<Entry> entries_;
  bool has_changes_ = false;
};

// One remark of an operation, which makes and refutes it as often as it likes: only the first time costs more than a
// test.
class OperationRemark {
 public:
  OperationRemark() = default;  // says nothing
  OperationRemark(RecordRemarks* remarks, std::string text)
      : remarks_(remarks),
        number_(remarks != nullptr ? remarks->add(std::move(text)) : 0),
        is_open_(remarks != nullptr) {}

  // It can still be refuted.
  bool is_open() const { return is_open_; }
  void make() {
    if (is_open_) remarks_->make(number_);
  }
  void refute() {
    if (!std::exchange(is_open_, false)) return;
    remarks_->refute(number_);
  }

 private:
  RecordRemarks* remarks_ = nullptr;
  std::size_t number_ = 0;
  bool is_open_ = false;
};

}  // namespace slicemill
