#include "core/formats/json_array_scanner.h"

#include <fmt/format.h>

#include <cstring>

#include "core/formats/byte_scan.h"
#include "core/formats/json_scan.h"

namespace slicemill {

namespace {

bool has_line_end(std::string_view text) {
  return std::memchr(text.data(), '\n', text.size()) != nullptr ||
         std::memchr(text.data(), '\r', text.size()) != nullptr;
}

}  // namespace

namespace {

// Where an element ends that is not JSON, as brackets and quotes have it: at a comma or a closing bracket around it.
// Null: not in this text.
char* end_of_element(char* p, char* end) {
  int depth = 0;
  while (p < end) {
    switch (*p) {
      case '"':
        for (++p; p < end && *p != '"'; ++p) {
          if (*p == '\\') ++p;
        }
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth-- == 0) return p;
        break;
      case ',':
        if (depth == 0) return p;
        break;
      default:
        break;
    }
    ++p;
  }
  return nullptr;
}

}  // namespace

// Goes on behind it, if somebody wants to.
Result<bool> JsonArrayScanner::bad_element(char*& p, char* end, bool last, const Error& error) {
  if (!on_bad_ || !is_array_) return error;
  char* behind = end_of_element(p, end);
  if (behind == nullptr && !last) return false;
  if (behind == nullptr) return error;
  const char* text_end = behind;
  while (text_end > p && is_json_space(text_end[-1])) --text_end;
  RETURN_IF_ERROR(
      on_bad_({{p, static_cast<std::size_t>(text_end - p)}, position_ + static_cast<std::uint64_t>(p - data_), error}));
  p = behind;
  state_ = State::after_element;
  return true;
}

Error JsonArrayScanner::broken(const char* at, const char* data, std::string_view problem) const {
  return Error(ErrorCode::invalid,
               fmt::format("byte {}: {}", position_ + static_cast<std::uint64_t>(at - data), problem), false);
}

Result<bool> JsonArrayScanner::element(char*& p, char* end, bool last, std::vector<std::string_view>& records) {
  const JsonScan value = scan_json_value(p, end);
  if (value.state == JsonScan::State::broken) return bad_element(p, end, last, broken(value.at, data_, value.problem));
  const bool may_go_on = value.state == JsonScan::State::incomplete || value.at == end;
  if (may_go_on && !last) return false;
  if (value.state == JsonScan::State::incomplete) return broken(value.at, data_, value.problem);
  auto size = static_cast<std::size_t>(value.at - p);
  if (!is_utf8({p, size})) {
    const char* at = p + find_bad_utf8({p, size});
    return bad_element(p, end, last,
                       broken(at, data_, fmt::format("not UTF-8 (0x{:02x})", static_cast<unsigned char>(*at))));
  }
  char* behind = p + size;
  if (has_line_end({p, size})) size = compact_json(p, size);
  records.emplace_back(p, size);
  p = behind;
  state_ = is_array_ ? State::after_element : State::after_all;
  return true;
}

Result<bool> JsonArrayScanner::step(char*& p, char* end, bool last, std::vector<std::string_view>& records) {
  while (p < end && is_json_space(*p)) ++p;
  if (p == end) {
    if (!last) return false;
    if (state_ == State::after_all || state_ == State::start) {
      done_ = true;
      return false;
    }
    return broken(p, data_, "text ends before the array is closed");
  }
  switch (state_) {
    case State::start:
      is_array_ = *p == '[';
      if (!is_array_) return element(p, end, last, records);
      ++p;
      state_ = State::first_element;
      return true;
    case State::first_element:
    case State::element:
      if (state_ == State::first_element && *p == ']') break;
      return element(p, end, last, records);
    case State::after_element:
      if (*p == ']') break;
      if (*p != ',') return broken(p, data_, "expected ',' or ']' after an element");
      ++p;
      state_ = State::element;
      return true;
    case State::after_all:
      return broken(
          p, data_,
          is_array_ ? "text after the array" : "text after the value (one value a line is the format ldjson)");
  }
  ++p;
  state_ = State::after_all;
  return true;
}

Result<std::size_t> JsonArrayScanner::scan(std::span<char> data, bool last, std::vector<std::string_view>& records) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  data_ = data.data();
  char* p = data.data();
  char* end = p + data.size();
  if (position_ == 0) {
    if (data.size() < kByteOrderMark.size() && !last) return std::size_t{0};
    if (std::string_view(p, data.size()).starts_with(kByteOrderMark)) p += kByteOrderMark.size();
  }
  for (;;) {
    auto went_on = step(p, end, last, records);
    if (!went_on) return went_on.error();
    if (!*went_on) break;
  }
  const auto used = static_cast<std::size_t>(p - data.data());
  position_ += used;
  return used;
}

}  // namespace slicemill
