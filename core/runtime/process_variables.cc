#include "core/runtime/process_variables.h"

#include <fmt/core.h>

namespace slicemill {
namespace {

constexpr std::size_t kShownVariableBytes = 60;
constexpr std::size_t kPointerBytes = 8;  // the system counts one for each

}  // namespace

std::string wrong_variable(std::string_view name, std::string_view value) {
  if (name.empty()) return "a variable must have a name";
  if (name.find('=') != std::string_view::npos) return "the name of a variable cannot hold \"=\"";
  if (name.find('\0') != std::string_view::npos) return "the name of a variable cannot hold a NUL character";
  if (value.find('\0') != std::string_view::npos) return "the value of a variable cannot hold a NUL character";
  const std::size_t size = name.size() + 1 + value.size();
  if (size <= kLongestVariable) return "";
  return fmt::format("name and value take {} bytes; the system passes at most {} to a program", size, kLongestVariable);
}

std::size_t variable_bytes(std::string_view name, std::string_view value) {
  return name.size() + value.size() + 2 + kPointerBytes;
}

std::string shown_variable(std::string_view name) {
  std::string shown;
  for (const char c : name.substr(0, kShownVariableBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F)
      shown += fmt::format("\\x{:02x}", byte);
    else
      shown += c;
  }
  while (name.size() > kShownVariableBytes && !shown.empty() && (shown.back() & 0x80) != 0) shown.pop_back();
  return name.size() > kShownVariableBytes ? shown + "..." : shown;
}

}  // namespace slicemill
