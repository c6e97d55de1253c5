#include "core/expression/patterns.h"

#include <fmt/core.h>
#include <re2/re2.h>

namespace slicemill::expression {
namespace {

constexpr std::size_t kMostPatternBytes = 4'000;
constexpr std::int64_t kPatternMemory = 1 << 20;
constexpr std::uint64_t kCompileSteps = 20'000;
constexpr std::uint64_t kByteSteps = 4;  // of a text, for each byte

}  // namespace

Patterns::Patterns(Budget& budget) : budget_(budget) {}
Patterns::~Patterns() = default;

Result<bool> Patterns::matches(std::string_view text, const std::string& pattern) {
  const auto bad = [](std::string message) { return Error{ErrorCode::invalid, std::move(message), false}; };
  RETURN_IF_ERROR(budget_.step(1 + kByteSteps * text.size()));
  auto found = compiled_.find(pattern);
  if (found == compiled_.end()) {
    if (pattern.size() > kMostPatternBytes)
      return bad(
          fmt::format("the regular expression has {} bytes; at most {} are read", pattern.size(), kMostPatternBytes));
    RETURN_IF_ERROR(budget_.step(kCompileSteps));
    RETURN_IF_ERROR(budget_.make(kPatternMemory));
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternMemory);
    auto made = std::make_unique<RE2>(pattern, options);
    if (!made->ok()) return bad(fmt::format("matches needs a regular expression: {}", made->error()));
    found = compiled_.emplace(pattern, std::move(made)).first;
  }
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *found->second);
}

}  // namespace slicemill::expression
