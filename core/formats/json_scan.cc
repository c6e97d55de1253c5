#include "core/formats/json_scan.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "core/formats/byte_scan.h"

namespace slicemill {

namespace {

using State = JsonScan::State;

// Walks one value. Every step moves p_ or sets failure_; the container that each level is in is one byte of stack_.
class Scanner {
 public:
  Scanner(const char* begin, const char* end) : p_(begin), end_(end) {}

  JsonScan run() {
    while (step()) {
    }
    return {state_, p_, problem_, is_too_deep_};
  }

 private:
  enum class Expect : std::uint8_t { value, value_or_end, key, key_or_end, after };

  bool fail(const char* problem) {
    state_ = State::broken;
    problem_ = problem;
    return false;
  }
  bool starve(const char* missing) {
    p_ = end_;
    state_ = State::incomplete;
    problem_ = missing;
    return false;
  }

  void skip_space() {
    while (p_ < end_ && static_cast<unsigned char>(*p_) <= ' ' && is_json_space(*p_)) ++p_;
  }

  // One token of the grammar. False: the value is over, or cannot go on.
  bool step() {
    skip_space();
    if (p_ == end_) return starve("text ends before the value is complete");
    switch (expect_) {
      case Expect::value:
        return value();
      case Expect::value_or_end:
        return *p_ == ']' ? leave() : value();
      case Expect::key:
        return key();
      case Expect::key_or_end:
        return *p_ == '}' ? leave() : key();
      case Expect::after:
        return after();
    }
    return false;
  }

  bool value() {
    switch (*p_) {
      case '{':
        return enter('}', Expect::key_or_end);
      case '[':
        return enter(']', Expect::value_or_end);
      case '"':
        return string() && ended();
      case 't':
        return literal("true", 4);
      case 'f':
        return literal("false", 5);
      case 'n':
        return literal("null", 4);
      default:
        return number() && ended();
    }
  }

  bool enter(char closing, Expect next) {
    if (depth_ == kMaxJsonDepth) {
      is_too_deep_ = true;
      return fail("nested deeper than 1024 levels");
    }
    stack_[static_cast<std::size_t>(depth_++)] = closing;
    ++p_;
    expect_ = next;
    return true;
  }

  bool leave() {
    ++p_;
    --depth_;
    return ended();
  }

  // A value is behind us. False at the top: all done.
  bool ended() {
    expect_ = Expect::after;
    return depth_ > 0;
  }

  bool after() {
    const char closing = stack_[static_cast<std::size_t>(depth_ - 1)];
    if (*p_ == ',') {
      ++p_;
      expect_ = closing == '}' ? Expect::key : Expect::value;
      return true;
    }
    if (*p_ == closing) return leave();
    return fail(closing == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
  }

  bool key() {
    if (*p_ != '"') return fail("expected a member name in quotes");
    if (!string()) return false;
    skip_space();
    if (p_ == end_) return starve("text ends after a member name");
    if (*p_ != ':') return fail("expected ':'");
    ++p_;
    skip_space();
    if (p_ == end_) return starve("text ends before a member's value");
    return value();
  }

  bool string() {
    ++p_;
    for (;;) {
      p_ = find_json_special(p_, end_);
      if (p_ == end_) return starve("text ends inside a string");
      if (*p_ == '"') {
        ++p_;
        return true;
      }
      if (*p_ != '\\') return fail("control character inside a string");
      if (!escape()) return false;
    }
  }

  bool escape() {
    if (end_ - p_ < 2) return starve("text ends inside a string");
    switch (p_[1]) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        p_ += 2;
        return true;
      case 'u':
        break;
      default:
        return fail("unknown escape inside a string");
    }
    for (int i = 2; i < 6; ++i) {
      if (p_ + i >= end_) return starve("text ends inside a string");
      if (!is_hex_digit(p_[i])) return fail("\\u needs four hexadecimal digits");
    }
    p_ += 6;
    return true;
  }

  bool literal(const char* word, std::ptrdiff_t size) {
    if (end_ - p_ < size) {
      if (std::memcmp(p_, word, static_cast<std::size_t>(end_ - p_)) == 0) return starve("text ends inside a word");
      return fail("expected a value");
    }
    if (std::memcmp(p_, word, static_cast<std::size_t>(size)) != 0) return fail("expected a value");
    p_ += size;
    return ended();
  }

  bool digits() {
    if (p_ == end_) return starve("text ends inside a number");
    if (!is_digit(*p_)) return fail("expected a digit");
    while (p_ < end_ && is_digit(*p_)) ++p_;
    return true;
  }

  bool number() {
    if (*p_ != '-' && !is_digit(*p_)) return fail("expected a value");
    if (*p_ == '-') ++p_;
    if (p_ < end_ && *p_ == '0') {
      ++p_;
      if (p_ < end_ && is_digit(*p_)) return fail("number with a leading zero");
    } else if (!digits()) {
      return false;
    }
    if (p_ < end_ && *p_ == '.') {
      ++p_;
      if (!digits()) return false;
    }
    if (p_ < end_ && (*p_ == 'e' || *p_ == 'E')) {
      ++p_;
      if (p_ < end_ && (*p_ == '+' || *p_ == '-')) ++p_;
      if (!digits()) return false;
    }
    return true;
  }

  const char* p_;
  const char* const end_;
  State state_ = State::complete;
  const char* problem_ = nullptr;
  bool is_too_deep_ = false;
  Expect expect_ = Expect::value;
  int depth_ = 0;
  char stack_[kMaxJsonDepth];  // only the first depth_ are set
};

}  // namespace

JsonScan scan_json_value(const char* begin, const char* end) {
  return Scanner(begin, end).run();
}

JsonScan check_json_text(std::string_view text) {
  const char* end = text.data() + text.size();
  JsonScan scan = scan_json_value(text.data(), end);
  if (scan.state == State::incomplete) scan.state = State::broken;
  if (scan.state == State::broken) return scan;
  while (scan.at < end && is_json_space(*scan.at)) ++scan.at;
  if (scan.at != end) return {State::broken, scan.at, "text after the value"};
  return scan;
}

std::size_t compact_json(char* text, std::size_t size) {
  char* out = text;
  const char* p = text;
  const char* end = text + size;
  while (p < end) {
    if (is_json_space(*p)) {
      ++p;
      continue;
    }
    const bool is_string = *p == '"';
    *out++ = *p++;
    while (is_string && p < end) {
      const char c = *out++ = *p++;
      if (c == '"') break;
      if (c == '\\' && p < end) *out++ = *p++;
    }
  }
  return static_cast<std::size_t>(out - text);
}

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::size_t find_bad_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = [&](std::size_t i) {
      return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
    };
    const unsigned lead = byte(0);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
    if (size == 0) return at;
    for (std::size_t i = 1; i < size; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return at;
    }
    const bool is_overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
    const bool is_no_character = (lead == 0xED && byte(1) >= 0xA0) || (lead == 0xF4 && byte(1) >= 0x90);
    if (is_overlong || is_no_character) return at;
    at += size;
  }
  return at;
}

namespace {

std::uint32_t hex_value(const char* digits) {
  std::uint32_t value = 0;
  std::from_chars(digits, digits + 4, value, 16);
  return value;
}

bool is_high_surrogate(std::uint32_t code) {
  return code >= 0xD800 && code < 0xDC00;
}

bool is_low_surrogate(std::uint32_t code) {
  return code >= 0xDC00 && code < 0xE000;
}

void append_code(std::uint32_t code, std::string& out) {
  const auto continued = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3F))); };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    continued(0);
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    continued(6);
    continued(0);
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    continued(12);
    continued(6);
    continued(0);
  }
}

char short_escape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

}  // namespace

bool append_unescaped(std::string_view inside, std::string& out) {
  bool has_half = false;
  while (!inside.empty()) {
    const std::size_t plain = std::min(inside.find('\\'), inside.size());
    out.append(inside.substr(0, plain));
    inside.remove_prefix(plain);
    if (inside.size() < 2) break;
    if (inside[1] != 'u' || inside.size() < 6) {
      out.push_back(short_escape(inside[1]));
      inside.remove_prefix(2);
      continue;
    }
    std::uint32_t code = hex_value(inside.data() + 2);
    inside.remove_prefix(6);
    if (is_high_surrogate(code) && inside.size() >= 6 && inside.starts_with("\\u")) {
      if (const std::uint32_t low = hex_value(inside.data() + 2); is_low_surrogate(low)) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        inside.remove_prefix(6);
      }
    }
    if (is_high_surrogate(code) || is_low_surrogate(code)) has_half = true;
    append_code(code, out);
  }
  return has_half;
}

void replace_surrogates(std::string& text, std::size_t from) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  while ((from = text.find('\xED', from)) != std::string::npos && text.size() - from >= kReplacement.size()) {
    if (static_cast<unsigned char>(text[from + 1]) >= 0xA0) text.replace(from, kReplacement.size(), kReplacement);
    from += kReplacement.size();
  }
}

static char* write_escape(char* out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  *out++ = '\\';
  switch (c) {
    case '"':
      *out++ = '"';
      return out;
    case '\\':
      *out++ = '\\';
      return out;
    case '\n':
      *out++ = 'n';
      return out;
    case '\r':
      *out++ = 'r';
      return out;
    case '\t':
      *out++ = 't';
      return out;
    case '\b':
      *out++ = 'b';
      return out;
    case '\f':
      *out++ = 'f';
      return out;
    default:
      break;
  }
  std::memcpy(out, "u00", 3);
  out[3] = kHex[(static_cast<unsigned char>(c) >> 4) & 0xf];
  out[4] = kHex[static_cast<unsigned char>(c) & 0xf];
  return out + 5;
}

char* write_json_escaped(char* out, std::string_view text) {
  const char* p = text.data();
  const char* end = p + text.size();
  for (;;) {
    const char* special = find_json_special(p, end);
    const auto plain = static_cast<std::size_t>(special - p);
    // A fixed-size copy costs no call; it may write behind what it means, inside the space that the caller promised.
    if (plain <= 16) {
      std::memcpy(out, p, 16);
    } else {
      std::memcpy(out, p, plain);
    }
    out += plain;
    if (special == end) return out;
    out = write_escape(out, *special);
    p = special + 1;
  }
}

std::string json_quoted(std::string_view text) {
  std::string padded(text);
  padded.append(kScanPadding, ' ');
  std::string quoted(json_escaped_limit(text.size()) + 2, '\0');
  quoted[0] = '"';
  char* end = write_json_escaped(quoted.data() + 1, std::string_view(padded.data(), text.size()));
  *end++ = '"';
  quoted.resize(static_cast<std::size_t>(end - quoted.data()));
  return quoted;
}

std::string text_head(std::string_view record) {
  constexpr std::size_t kHead = 80;
  std::string head(record.substr(0, kHead));
  if (record.size() > kHead) {
    while (!head.empty() && (static_cast<unsigned char>(head.back()) & 0xC0) == 0x80) head.pop_back();
    if (!head.empty() && static_cast<unsigned char>(head.back()) >= 0xC0) head.pop_back();
  }
  if (!is_utf8(head)) {
    for (char& c : head) c = static_cast<unsigned char>(c) >= 0x80 ? '?' : c;
  }
  for (char& c : head) c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  if (record.size() > kHead) head += "...";
  return head;
}

}  // namespace slicemill
