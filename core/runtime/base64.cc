#include "core/runtime/base64.h"

#include <array>
#include <cstdint>

namespace slicemill {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kForeign = 64;

constexpr std::array<std::uint8_t, 256> digit_values() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kForeign;
  for (std::size_t i = 0; i < kDigits.size(); ++i)
    values[static_cast<std::uint8_t>(kDigits[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto kValues = digit_values();

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (at + i < bytes.size() ? static_cast<std::uint8_t>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text.push_back(at + i <= bytes.size() ? kDigits[group >> (18 - 6 * i) & 63] : '=');
  }
  return text;
}

Result<std::string> from_base64(std::string_view text) {
  const Error broken(ErrorCode::invalid, "not base64", false);
  if (text.size() % 4 != 0) return broken;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    std::string_view group = text.substr(at, 4);
    const bool is_last = at + 4 == text.size();
    while (is_last && group.size() > 2 && group.back() == '=') group.remove_suffix(1);
    std::uint32_t value = 0;
    for (const char digit : group) {
      const std::uint8_t bits = kValues[static_cast<std::uint8_t>(digit)];
      if (bits == kForeign) return broken;
      value = value << 6 | bits;
    }
    value <<= 6 * (4 - group.size());
    for (std::size_t i = 0; i + 1 < group.size(); ++i) bytes.push_back(static_cast<char>(value >> (16 - 8 * i)));
    if (group.size() < 4 && (value & (0xFFFFFFU >> (8 * (group.size() - 1)))) != 0) return broken;
  }
  return bytes;
}

}  // namespace slicemill
