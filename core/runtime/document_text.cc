#include "core/runtime/document_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/runtime/utf8.h"

namespace slicemill {
namespace {

constexpr std::uint32_t kLastCharacter = 0x10FFFF;

struct Encoding {
  std::string_view mark;
  std::size_t unit = 1;  // bytes
  bool big_endian = false;
  const char* name = "";
};

// The longer marks first: that of UTF-32LE begins with that of UTF-16LE.
constexpr std::array kEncodings = {
    Encoding{std::string_view("\xFF\xFE\0\0", 4), 4, false, "UTF-32"},
    Encoding{std::string_view("\0\0\xFE\xFF", 4), 4, true, "UTF-32"},
    Encoding{std::string_view("\xEF\xBB\xBF", 3), 1, false, "UTF-8"},
    Encoding{std::string_view("\xFF\xFE", 2), 2, false, "UTF-16"},
    Encoding{std::string_view("\xFE\xFF", 2), 2, true, "UTF-16"},
};

bool is_surrogate(std::uint32_t point) {
  return point >= 0xD800 && point <= 0xDFFF;
}

class Recoder {
 public:
  Recoder(std::string_view bytes, const Encoding& encoding) : bytes_(bytes), encoding_(encoding) {}

  Result<void> run(std::string& out) {
    out.reserve(bytes_.size());
    while (!bytes_.empty()) {
      if (bytes_.size() < encoding_.unit) return broken(out);
      std::uint32_t point = take_unit();
      if (encoding_.unit == 2 && is_surrogate(point)) {
        if (point >= 0xDC00 || bytes_.size() < 2) return broken(out);
        const std::uint32_t low = take_unit();
        if (low < 0xDC00 || low > 0xDFFF) return broken(out);
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
      }
      if (point > kLastCharacter || is_surrogate(point)) return broken(out);
      append_utf8(point, out);
    }
    return {};
  }

 private:
  std::uint32_t take_unit() {
    std::uint32_t unit = 0;
    for (std::size_t i = 0; i < encoding_.unit; ++i) {
      const std::size_t shift = 8 * (encoding_.big_endian ? encoding_.unit - 1 - i : i);
      unit |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes_[i])) << shift;
    }
    bytes_.remove_prefix(encoding_.unit);
    return unit;
  }

  Error broken(std::string_view so_far) const {
    return {ErrorCode::invalid,
            fmt::format("{}: this is not well-formed {}", place_of(so_far, so_far.size()), encoding_.name)};
  }

  std::string_view bytes_;
  const Encoding& encoding_;
};

}  // namespace

std::string place_of(std::string_view text, std::size_t offset) {
  const auto head = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(head.begin(), head.end(), '\n') + 1;
  const auto line_start = head.rfind('\n');
  const auto before = line_start == std::string_view::npos ? head : head.substr(line_start + 1);
  const auto column = std::count_if(before.begin(), before.end(), [](char c) { return (c & 0xC0) != 0x80; }) + 1;
  return fmt::format("line {}, column {}", line, column);
}

Result<std::string_view> document_text(std::string_view bytes, std::string& storage) {
  std::string_view text = bytes;
  const auto* encoding =
      std::ranges::find_if(kEncodings, [&](const Encoding& candidate) { return bytes.starts_with(candidate.mark); });
  if (encoding != kEncodings.end()) {
    text.remove_prefix(encoding->mark.size());
    if (encoding->unit > 1) {
      RETURN_IF_ERROR(Recoder(text, *encoding).run(storage));
      text = storage;
    }
  }
  if (const auto zero = text.find('\0'); zero != std::string_view::npos)
    return Error(ErrorCode::invalid, fmt::format("{}: a NUL byte; the text may be cut, or in UTF-16 without a byte "
                                                 "order mark",
                                                 place_of(text, zero)));
  return text;
}

}  // namespace slicemill
