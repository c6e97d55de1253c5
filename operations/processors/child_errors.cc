#include "operations/processors/child_errors.h"

#include <algorithm>

#include <fmt/format.h>

namespace slicemill {

void ChildErrors::take(std::string_view bytes, Time now) {
  tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), kTailBytes)));
  if (tail_.size() > kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    line_.append(part.substr(0, kTailBytes - std::min(kTailBytes, line_.size())));
    if (end == std::string_view::npos) return;
    line(line_, now);
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
}

void ChildErrors::end(Time now) {
  if (!line_.empty()) line(line_, now);
  line_.clear();
}

std::string_view ChildErrors::tail() const {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::string_view text = tail_;
  const auto begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

void ChildErrors::line(std::string_view text, Time now) {
  if (now - window_begin_ >= kWindow) {
    if (left_out_ > 0) log_(fmt::format("({} more lines were left out)", left_out_));
    window_begin_ = now;
    in_window_ = left_out_ = 0;
  }
  if (in_window_ < kLinesPerWindow) {
    ++in_window_;
    log_(text);
  } else {
    ++left_out_;
  }
}

}  // namespace slicemill
